// Distilling through the command line, small: trained without libtorch, distilled, and classified with.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { torchAvailable } from "../../bindings/torch/index.ts";
import { runCli } from "../support/cli.ts";
import { SAMPLES } from "../support/samples.ts";

let folder: string;
let dataset: string;
let teacher: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "flowglyph-cli-"));
  [dataset, teacher] = [join(folder, "dataset"), join(folder, "teacher")];
  expect((await runCli(["encode", SAMPLES, "-o", dataset])).code).toBe(0);
  const args = ["--model", "factors", "--split", "group", "--seed", "3", "--threads", "1", "--no-baselines"];
  expect((await runCli(["train", dataset, "-o", teacher, ...args])).code).toBe(0);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!torchAvailable())("distill (needs libtorch)", () => {
  test("makes a run that classify takes, says what it costs, and refuses to overwrite it", {
    timeout: 120_000,
  }, async () => {
    const small = join(folder, "small");
    const options = ["--width", "16", "--bytes", "256", "--epochs", "1", "--threads", "1"];
    const distilled = await runCli(["distill", teacher, dataset, "-o", small, ...options]);
    expect(distilled).toMatchObject({ code: 0 });
    expect(distilled.stderr).toMatch(/a student of width 16 that reads 256 bytes learns the answers on \d+/);
    expect(distilled.stdout).toMatch(/teacher \(factors\) +[\d,]+ +1\.0/);
    expect(distilled.stdout).toMatch(/student, (float32|int8) \(kept\) +[\d,]+ +[\d.]+ +[\d.]+ KiB/);

    const again = await runCli(["distill", teacher, dataset, "-o", small]);
    expect(again).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/already holds a run: add --resume/),
    });
    const classified = await runCli(["classify", SAMPLES, "--model", small, "--json"]);
    expect(classified).toMatchObject({ code: 0 });
    expect(classified.stdout.trimEnd().split("\n").length).toBeGreaterThan(100);
  });
});

test("says what is wrong with what it is given", async () => {
  const out = join(folder, "nothing");
  const distill = (...args: string[]) => runCli(["distill", ...args, "-o", out]);
  const notRun = await distill(dataset, dataset);
  expect(notRun).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/Expected the folder of a trained run/),
  });
  const half = await distill(teacher, dataset, "--width", "32");
  expect(half).toMatchObject({ code: 2, stderr: expect.stringMatching(/--width and --bytes together/) });
  expect(await distill(teacher, dataset, "--speedup", "fast")).toMatchObject({ code: 2 });
  const [other, text] = [join(folder, "masked"), /mask identity, as the model of/];
  expect((await runCli(["encode", SAMPLES, "--mask", "none", "-o", other])).code).toBe(0);
  expect(await distill(teacher, other)).toMatchObject({ code: 1, stderr: expect.stringMatching(text) });
}, 60_000);

test("its help has every option with its default", async () => {
  const { code, stdout } = await runCli(["distill", "--help"]);
  expect(code).toBe(0);
  for (const option of ["--speedup", "--int8", "--epochs", "--resume", "--json", "--label-file"])
    expect(stdout).toContain(option);
  expect(stdout).toMatch(/default: 12/);
});
