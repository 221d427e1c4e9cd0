// flowglyph build: a native addon from the package's own sources, for where no prebuilt one fits.
import { Argument } from "commander";
import { BUILDABLE_ADDONS, type BuildableAddon, buildAddon, buildNeeds } from "../native-build.ts";
import type { RegisterCommand } from "./command.ts";

export const registerBuild: RegisterCommand = (program, { terminal, signal }) => {
  program
    .command("build")
    .description("Build a native addon from source: capture where no prebuilt one fits, torch for training.")
    .addArgument(new Argument("<addon>", "which one").choices(BUILDABLE_ADDONS))
    .addHelpText(
      "after",
      `\n${BUILDABLE_ADDONS.map((addon) => `${addon}: ${buildNeeds(addon)}\n`).join("")}
Examples:
  $ npx flowglyph build capture
  $ FLOWGLYPH_TORCH=/opt/libtorch npx flowglyph build torch
`,
    )
    .action(async (addon: BuildableAddon) => {
      const path = await buildAddon(addon, { onStage: terminal.note, signal });
      await terminal.out(`${path}\n`);
    });
};
