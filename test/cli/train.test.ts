// Training through the command line, small; and what a machine without libtorch says.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { torchAvailable } from "../../bindings/torch/index.ts";
import { runCli } from "../support/cli.ts";
import { SAMPLES } from "../support/samples.ts";

let folder: string;
let dataset: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "flowglyph-cli-"));
  dataset = join(folder, "dataset");
  expect((await runCli(["encode", SAMPLES, "-o", dataset])).code).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SHORT = [
  "--model",
  "bytewise",
  "--pretrain-epochs",
  "2",
  "--epochs",
  "3",
  "--seed",
  "3",
  "--labels",
  "20%",
  "--split",
  "group",
];

describe.skipIf(!torchAvailable())("train (needs libtorch)", () => {
  test("trains, is killed, resumes to the same weights; evaluate and classify use the run", {
    timeout: 240_000,
  }, async () => {
    const whole = join(folder, "whole");
    const trained = await runCli(["train", dataset, "-o", whole, ...SHORT, "--json"]);
    expect(trained).toMatchObject({ code: 0 });
    const metrics = JSON.parse(trained.stdout);
    expect(metrics.onnxDifference).toBeLessThanOrEqual(1e-5);
    expect(metrics.baselines.map((baseline: { name: string }) => baseline.name)).toEqual([
      "majority class",
      "1-nearest neighbour",
      "extremely randomised trees",
    ]);

    const cut = join(folder, "cut");
    const killed = await runCli(["train", dataset, "-o", cut, ...SHORT], { killAfter: /supervised epoch 1/ });
    expect(killed.code).toBeNull();
    const started = await runCli(["train", dataset, "-o", cut, "--resume"], {
      interruptAfter: /bytewise on/,
    });
    expect(started.code).toBe(130);
    expect(started.stderr).toContain(`go on with \`flowglyph train ${dataset} -o ${cut} --resume\``);
    const resumed = await runCli(["train", dataset, "-o", cut, "--resume", "--no-baselines"]);
    expect(resumed).toMatchObject({ code: 0 });
    expect(readFileSync(join(cut, "model.onnx")).equals(readFileSync(join(whole, "model.onnx")))).toBe(true);

    const evaluated = await runCli(["evaluate", whole, dataset, "--json"]);
    expect(evaluated).toMatchObject({ code: 0 });
    const scores = JSON.parse(evaluated.stdout);
    expect(scores.accuracy).toBeCloseTo(metrics.accuracy, 12);
    expect(scores.baselines).toEqual(metrics.baselines);

    const split = JSON.parse(readFileSync(join(whole, "split.json"), "utf8"));
    const heldOut = readFileSync(join(whole, "test-captures.txt"), "utf8").trimEnd().split("\n");
    expect(heldOut).toEqual(split.testGroups.map((group: string) => join(SAMPLES, "..", group)));
    expect(trained.stderr).toContain(`listed in ${join(whole, "test-captures.txt")}`);
    const classified = await runCli(["classify", ...heldOut, "--model", whole, "--json"]);
    expect(classified.code).toBe(0);
    expect(classified.stdout.trimEnd().split("\n").length).toBeGreaterThanOrEqual(split.test.length);
  });

  test("a folder that holds a run is not overwritten unasked", async () => {
    const { code, stderr } = await runCli(["train", dataset, "-o", join(folder, "whole"), ...SHORT]);
    expect(code).toBe(2);
    expect(stderr).toContain("--resume");
    expect(stderr).toContain("--overwrite");
  });

  test("CUDA asked for and absent is a clear error", async () => {
    const to = ["-o", join(folder, "cuda"), "--model", "clgan", "--device", "cuda:7"];
    const { code, stderr } = await runCli(["train", dataset, ...to]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/device cuda:7 .*finds \d+ CUDA devices/);
  });
});

describe.skipIf(torchAvailable())("train (without libtorch)", () => {
  test("says how to get libtorch", async () => {
    const { code, stderr } = await runCli(["train", dataset, "-o", join(folder, "none"), ...SHORT]);
    expect(code).toBe(1);
    expect(stderr).toContain("libtorch-dev");
  });
});
