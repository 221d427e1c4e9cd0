// Fitted models through `train`: the same run folder as a network's, without libtorch. None of this is skipped anywhere.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { gatherImages, gatherLabels, subset } from "../../src/dataset/dataset.ts";
import { makeSplit } from "../../src/dataset/split.ts";
import { runModel } from "../../src/onnx/check.ts";
import { readModelMetadata } from "../../src/onnx/metadata.ts";
import type { TrainingConfig } from "../../src/training/config.ts";
import { readRunConfig, readRunSplit, type TrainingProgress, train } from "../../src/training/index.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { TINY_CONFIG, tinyDataset, tinySplit } from "./tiny-dataset.ts";

const dataset = tinyDataset();
const split = tinySplit(dataset);
const MODELS = ["experts", "factors", "trees", "nearest", "majority"];

const config = (model: string, over: Partial<TrainingConfig> = {}): Partial<TrainingConfig> => ({
  labels: TINY_CONFIG.labels,
  validationShare: TINY_CONFIG.validationShare,
  seed: 5,
  threads: 1,
  ...over,
  model,
});
const file = (run: string, name: string) => readFileSync(join(run, name));

describe.each(MODELS)("train --model %s", (model) => {
  test("gives a whole run folder whose model has the scores that it says", async () => {
    const run = tempFolder();
    const progress: TrainingProgress[] = [];
    const { metrics, history, ...result } = await train(dataset, split, config(model), {
      run,
      onProgress: (event) => progress.push(event),
    });
    expect(history).toMatchObject([{ phase: "fit", epoch: 1, losses: {}, accuracies: {} }]);
    expect(
      file(run, "history.jsonl")
        .toString()
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual(history);
    expect(JSON.parse(file(run, "metrics.json").toString())).toEqual(metrics);
    expect(metrics).toMatchObject({ model, labels: "36", seed: 5, labelled: 27, validation: 9 });
    expect(metrics.onnxDifference).toBeLessThan(["experts", "factors"].includes(model) ? 1e-5 : 1e-6); // the calibrator rounds, in float32
    expect(await readRunConfig(run)).toEqual(result.config);
    expect(result.config.device).toBe("cpu");
    expect(await readRunSplit(run, dataset)).toEqual(split);
    expect(await readModelMetadata(join(run, "model.onnx"))).toMatchObject({
      model,
      classes: ["chat", "mail", "voice"],
      training: { scores: { accuracy: metrics.accuracy } },
    });
    expect(progress.at(-1)).toMatchObject({ phase: "fit", phases: 1, secondsLeft: 0, loss: undefined });
    expect(progress.at(-1)!.step).toBe(progress.at(-1)!.steps);

    const probabilities = await runModel(join(run, "model.onnx"), gatherImages(dataset, split.test), 3, 7);
    const labels = gatherLabels(dataset, split.test);
    const best = (row: number) => {
      const shares = probabilities.subarray(row * 3, row * 3 + 3);
      return shares.indexOf(Math.max(...shares));
    };
    expect(metrics.accuracy).toBe(labels.filter((label, i) => label === best(i)).length / labels.length);
  });

  test("a finished run exports and scores it again, to the same bytes", async () => {
    const run = tempFolder();
    const first = await train(dataset, split, config(model), { run });
    const before = file(run, "model.onnx");
    const again = await train(dataset, split, {}, { run, resume: true });
    expect(again.metrics).toEqual(first.metrics);
    expect(file(run, "model.onnx").equals(before)).toBe(true);
  });

  test("keeps to what the run was started with", async () => {
    const run = tempFolder();
    await train(dataset, split, config(model), { run });
    await expect(train(dataset, split, config(model), { run })).rejects.toMatchObject({
      code: "ERR_ARGUMENT",
    });
    await expect(train(dataset, split, config(model, { seed: 6 }), { run, resume: true })).rejects.toThrow(
      /seed was 5, now 6/,
    );
    const other = tinyDataset(90, 2);
    await expect(train(other, tinySplit(other), {}, { run, resume: true })).rejects.toMatchObject({
      code: "ERR_CHECKPOINT",
    });
    const { metrics } = await train(dataset, split, config(model, { seed: 6 }), { run, overwrite: true });
    expect(metrics.seed).toBe(6);
  });

  test("a damaged checkpoint is refused by name, and so is another model's", async () => {
    const run = tempFolder();
    await train(dataset, split, config(model), { run });
    const path = join(run, "checkpoint.safetensors");
    writeFileSync(path, file(run, "checkpoint.safetensors").subarray(0, 40));
    await expect(train(dataset, split, {}, { run, resume: true })).rejects.toMatchObject({
      code: "ERR_CHECKPOINT",
      message: expect.stringContaining(path),
    });
    await expect(train(dataset, split, { model: "clgan" }, { run, resume: true })).rejects.toThrow(
      `model was "${model}", now "clgan"`,
    );
  });

  test("an abort leaves no model behind, and the run can be resumed", async () => {
    const [whole, stopped] = [tempFolder(), tempFolder()];
    await train(dataset, split, config(model), { run: whole });
    const signal = AbortSignal.abort();
    await expect(train(dataset, split, config(model), { run: stopped, signal })).rejects.toMatchObject({
      code: "ERR_ABORTED",
    });
    expect(existsSync(join(stopped, "model.onnx"))).toBe(false);
    await train(dataset, split, {}, { run: stopped, resume: true });
    expect(file(stopped, "model.onnx").equals(file(whole, "model.onnx"))).toBe(true);
  });

  test("wrong model options are refused, keys of networks are not looked at", async () => {
    const wrong = train(dataset, split, config(model, { modelOptions: { dropuot: 1 } }), {
      run: tempFolder(),
    });
    await expect(wrong).rejects.toThrow(/but received "dropuot"/);
    const over = { epochs: 3, device: "cuda:99", learningRate: 7 } as const;
    const { metrics, warnings } = await train(dataset, split, config(model, over), { run: tempFolder() });
    expect(metrics.accuracy).not.toBeNull();
    expect(warnings).toContainEqual(expect.stringContaining("device cuda:99 was not used"));
  });

  test("works with one labelled image, of one class, and without a test part", async () => {
    const none = new Uint32Array();
    const bare = { ...split, labelled: split.labelled.slice(0, 1), validation: none, unlabelled: none };
    const { metrics } = await train(dataset, bare, config(model), { run: tempFolder() });
    const label = dataset.labels[bare.labelled[0]!]!;
    const share =
      gatherLabels(dataset, split.test).filter((other) => other === label).length / split.test.length;
    expect(metrics.accuracy).toBe(share);
    const untested = await train(dataset, { ...bare, test: none }, config(model), { run: tempFolder() });
    expect(untested.metrics.accuracy).toBeNull();
  });
});

// Only a place tells these classes apart, and pairs know of no places: test/models/pairs.test.ts has others.
test.each(MODELS.filter((model) => model !== "factors" && model !== "experts"))(
  "%s tells two classes apart",
  async (model) => {
    const rows = Array.from(dataset.labels.keys()).filter((row) => dataset.labels[row]! < 2);
    const two = { ...subset(dataset, rows), classes: dataset.classes.slice(0, 2) };
    const twoSplit = makeSplit(two, { labels: 24, seed: 5 });
    const { metrics } = await train(two, twoSplit, config(model, { labels: 24 }), { run: tempFolder() });
    expect(metrics.onnxDifference).toBeLessThan(1e-6); // the calibrator rounds, in float32
    expect(metrics.accuracy).toBeGreaterThanOrEqual(model === "majority" ? 0.5 : 0.9);
  },
);

test("probabilities are calibrated on rows that were not learned from, and the file and metrics.json say so", async () => {
  // Noise: three labels in ten are another class's. Trees that have learned a row know its label for sure.
  const labels = dataset.labels.map((label, i) => (i % 10 < 3 ? (label + 1) % 3 : label));
  const noisy = { ...dataset, labels };
  const noisySplit = makeSplit(noisy, { labels: 60, seed: 5 });
  const run = tempFolder();
  const { metrics } = await train(noisy, noisySplit, config("nearest", { labels: 60 }), { run });
  const { calibration } = metrics;
  expect(calibration).toMatchObject({ rows: 60, source: "cross-fit" });
  expect(calibration.before!.expectedError).toBeGreaterThan(0.2);
  expect(calibration.after!.expectedError).toBeLessThan(0.5 * calibration.before!.expectedError);
  expect(calibration.after!.logLoss).toBeLessThan(calibration.before!.logLoss);
  expect(metrics.evaluation!.calibration!.expectedError).toBe(calibration.after!.expectedError);
  const { temperature, chance, rows, source } = calibration;
  const said = (await readModelMetadata(join(run, "model.onnx"))).calibration;
  expect(said).toEqual({ temperature, chance, rows, source });
  // A control: class shares are not calibrated.
  const counted = await train(noisy, noisySplit, config("majority", { labels: 60 }), { run: tempFolder() });
  expect(counted.metrics.calibration).toMatchObject({ temperature: 1, chance: 0, rows: 0, source: "none" });
});
