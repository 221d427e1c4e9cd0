// The models that need no libtorch through the command line: trained on the sample captures, killed and resumed, asked.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadFittedCheckpoint } from "../../src/training/fitted-checkpoint.ts";
import { runCli } from "../support/cli.ts";
import { SAMPLES } from "../support/samples.ts";

let folder: string;
let dataset: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "flowglyph-cli-"));
  dataset = join(folder, "dataset");
  expect((await runCli(["encode", SAMPLES, "-o", dataset])).code).toBe(0);
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const OPTIONS = ["--split", "group", "--seed", "3", "--threads", "1", "--no-baselines"];
const train = (run: string, ...args: string[]) => runCli(["train", dataset, "-o", run, ...args]);
const model = (run: string) => readFileSync(join(run, "model.onnx"));

describe.each(["experts", "trees", "nearest", "majority"])("--model %s", (name) => {
  test("trains, resumes to the same model, and classifies the captures that it has not seen", {
    timeout: 240_000,
  }, async () => {
    const run = join(folder, name);
    const trained = await train(run, "--model", name, ...OPTIONS, "--json");
    expect(trained).toMatchObject({ code: 0 });
    const metrics = JSON.parse(trained.stdout);
    expect(metrics.model).toBe(name);
    expect(metrics.onnxDifference).toBeLessThanOrEqual(name === "experts" ? 1e-5 : 1e-6);
    const before = model(run);
    const resumed = await train(run, "--resume", "--no-baselines", "--json");
    expect(resumed).toMatchObject({ code: 0 });
    expect(JSON.parse(resumed.stdout)).toEqual(metrics);
    expect(model(run).equals(before)).toBe(true);

    const heldOut = readFileSync(join(run, "test-captures.txt"), "utf8").trimEnd().split("\n");
    const classified = await runCli(["classify", ...heldOut, "--model", run, "--json"]);
    expect(classified).toMatchObject({ code: 0 });
    const verdicts = classified.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const correct = verdicts.filter((verdict) => verdict.capture.includes(`/${verdict.class}/`)).length;
    const accuracy = correct / verdicts.length;
    expect(verdicts.length).toBeGreaterThanOrEqual(metrics.test);
    if (name === "majority") expect(accuracy).toBeLessThan(0.2);
    else expect(accuracy).toBeGreaterThan(0.6);
  });
});

test("trees that are killed while they grow go on from the checkpoint, to the same bytes", {
  timeout: 240_000,
}, async () => {
  const [whole, cut] = [join(folder, "whole"), join(folder, "cut")];
  const many = ["--model", "trees", "--model-option", "trees=2048", ...OPTIONS];
  expect(await train(whole, ...many)).toMatchObject({ code: 0 });

  const checkpoint = join(cut, "checkpoint.safetensors");
  const killed = await runCli(["train", dataset, "-o", cut, ...many, "--checkpoint-seconds", "0.001"], {
    killWhen: () => existsSync(checkpoint) && statSync(checkpoint).size > 100_000,
  });
  expect(killed.code).toBeNull();
  const { done, steps } = await loadFittedCheckpoint(checkpoint);
  expect(done).toBe(false);
  expect(steps).toBeGreaterThan(0);
  expect(steps).toBeLessThan(2048);
  expect(existsSync(join(cut, "model.onnx"))).toBe(false);

  expect(await train(cut, "--resume", "--no-baselines")).toMatchObject({ code: 0 });
  expect(model(cut).equals(model(whole))).toBe(true);
});
