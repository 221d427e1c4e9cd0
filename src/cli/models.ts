// flowglyph models: what `train --model` may name, with options and defaults. Needs no libtorch.
import { MODELS } from "../models/registry.ts";
import { jsonOption, type RegisterCommand } from "./command.ts";

export const registerModels: RegisterCommand = (program, { terminal }) => {
  program
    .command("models")
    .description("List the models that can be trained, with their options.")
    .addOption(jsonOption())
    .addHelpText("after", "\nExamples:\n  $ flowglyph models\n  $ flowglyph models --json\n")
    .action(async (flags: { json?: boolean }) => {
      const models = MODELS.map(({ name, description, options }) => ({
        name,
        description,
        options: Object.entries(options).map(([option, { default: value, about, expected }]) => ({
          name: option,
          default: value,
          about,
          expected,
        })),
      }));
      await terminal.out(
        flags.json ? `${JSON.stringify(models, null, 2)}\n` : models.map(describe).join("\n"),
      );
    });
};

function describe(model: {
  name: string;
  description: string;
  options: readonly { name: string; default: unknown; about: string; expected: string }[];
}): string {
  const options = model.options.map(
    (option) =>
      `  --model-option ${option.name}=${String(option.default)}   (${option.expected})\n      ${option.about}\n`,
  );
  return `${model.name}: ${model.description}\n${options.join("")}`;
}
