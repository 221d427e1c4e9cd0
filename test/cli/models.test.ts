import { expect, test } from "vitest";
import { MODELS } from "../../src/models/registry.ts";
import { runCli } from "../support/cli.ts";

test("models --json lists every row of the registry, with its options and their defaults", async () => {
  const { code, stdout } = await runCli(["models", "--json"]);
  expect(code).toBe(0);
  const listed = JSON.parse(stdout) as {
    name: string;
    description: string;
    options: { name: string; default: unknown; about: string; expected: string }[];
  }[];
  expect(listed.map(({ name, description }) => ({ name, description }))).toEqual(
    MODELS.map(({ name, description }) => ({ name, description })),
  );
  for (const [i, { options }] of listed.entries()) {
    const defaults = Object.entries(MODELS[i]!.options).map(([name, option]) => [name, option.default]);
    expect(options.map(({ name, default: value }) => [name, value])).toEqual(defaults);
    for (const { about, expected } of options) expect(about && expected).not.toBe("");
  }
});

test("models shows what can be typed", async () => {
  const { code, stdout } = await runCli(["models"]);
  expect(code).toBe(0);
  for (const { name, options } of MODELS) {
    expect(stdout).toMatch(new RegExp(`^${name}: `, "m"));
    for (const option of Object.keys(options)) expect(stdout).toContain(`--model-option ${option}=`);
  }
});
