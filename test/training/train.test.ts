import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { liveTensors, torchAvailable } from "../../bindings/torch/index.ts";
import { gatherImages, gatherLabels } from "../../src/dataset/dataset.ts";
import { predictedClasses } from "../../src/evaluation/evaluate.ts";
import { runModel } from "../../src/onnx/check.ts";
import { readModelMetadata } from "../../src/onnx/metadata.ts";
import { readRunConfig, readRunSplit, type TrainingProgress, train } from "../../src/training/index.ts";
import { tempFile, tempFolder } from "../support/temp-folder.ts";
import { abortAfter, digests } from "./runs.ts";
import { TINY_CONFIG, tinyDataset, tinySplit } from "./tiny-dataset.ts";

const dataset = tinyDataset();
const split = tinySplit(dataset);

describe.skipIf(!torchAvailable())("train (needs libtorch)", () => {
  test("gives a whole run folder whose model has the scores that it says", async () => {
    const run = tempFolder();
    const progress: TrainingProgress[] = [];
    const before = liveTensors();
    const { metrics, history, config } = await train(dataset, split, TINY_CONFIG, {
      run,
      onProgress: (event) => progress.push(event),
    });
    expect(liveTensors()).toEqual(before);

    expect(history.map(({ phase, epoch }) => `${phase} ${epoch}`)).toEqual([
      "adversarial 1",
      "adversarial 2",
      "supervised 1",
      "supervised 2",
      "supervised 3",
      "supervised 4",
    ]);
    expect(Object.keys(history[0]!.losses)).toEqual(["discriminator", "generator"]);
    expect(Object.keys(history[2]!.losses)).toEqual(["train", "validation"]);
    expect(Object.keys(history[2]!.accuracies)).toEqual(["train", "validation"]);
    const lines = (await readFile(join(run, "history.jsonl"), "utf8")).trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual(history);
    expect(JSON.parse(await readFile(join(run, "metrics.json"), "utf8"))).toEqual(metrics);
    expect(await readRunConfig(run)).toEqual(config);
    expect(await readRunSplit(run, dataset)).toEqual(split);

    const model = join(run, "model.onnx");
    const predicted = predictedClasses(await runModel(model, gatherImages(dataset, split.test), 3, 7), 3);
    const labels = gatherLabels(dataset, split.test);
    expect(metrics.accuracy).toBe(labels.filter((label, i) => label === predicted[i]).length / labels.length);
    expect(metrics).toMatchObject({ view: "l3", mask: "identity", split: "random", labels: "36", seed: 5 });
    expect(metrics.labelled + metrics.validation).toBe(36);
    expect(metrics.onnxDifference).toBeLessThanOrEqual(1e-5);
    expect(await readModelMetadata(model)).toMatchObject({
      model: "clgan",
      classes: ["chat", "mail", "voice"],
      idleTimeout: 120,
      training: { labels: "36", scores: { accuracy: metrics.accuracy, macroF1: metrics.macroF1 } },
      calibration: {
        temperature: metrics.calibration.temperature,
        chance: 0,
        rows: split.validation.length,
        source: "validation",
      },
    });
    expect(metrics.calibration.after!.logLoss).not.toBe(metrics.calibration.before!.logLoss);

    expect(progress.at(-1)).toMatchObject({
      phase: "supervised",
      phaseIndex: 1,
      phases: 2,
      epoch: 4,
      secondsLeft: 0,
    });
    for (const { step, steps, loss } of progress) {
      expect(step).toBeLessThanOrEqual(steps);
      expect(loss).toBeGreaterThan(0);
    }
  });

  test("learns what can be learned", async () => {
    const config = { ...TINY_CONFIG, pretrainEpochs: 0, epochs: 30, learningRate: 2e-3 };
    const { metrics } = await train(dataset, split, config, { run: tempFolder() });
    expect(metrics.accuracy).toBeGreaterThan(0.9);
  });

  test("depends on the seed alone", async () => {
    const [a, b, c] = [tempFolder(), tempFolder(), tempFolder()];
    await train(dataset, split, TINY_CONFIG, { run: a });
    await train(dataset, split, TINY_CONFIG, { run: b });
    await train(dataset, split, { ...TINY_CONFIG, seed: 6 }, { run: c });
    expect(digests(b)).toEqual(digests(a));
    expect(digests(c).weights).not.toBe(digests(a).weights);
  });

  describe("resuming", () => {
    const withoutSeconds = <T extends { seconds: number }>({ seconds: _, ...rest }: T) => rest;
    let reference: Promise<{ digests: ReturnType<typeof digests>; history: unknown[] }> | undefined;
    const uninterrupted = () => {
      reference ??= (async () => {
        const run = tempFolder();
        const { history } = await train(dataset, split, TINY_CONFIG, { run });
        return { digests: digests(run), history: history.map(withoutSeconds) };
      })();
      return reference;
    };

    // Adversarial: 2 epochs of 6 steps; supervised: 4 of 3.
    test.each([0, 1, 6, 11, 12, 16, 23])(
      "after a stop before step %d gives the weights of a run that never stopped",
      async (step) => {
        const expected = await uninterrupted();
        const run = tempFolder();
        const stopped = train(dataset, split, TINY_CONFIG, { run, signal: abortAfter(step) });
        await expect(stopped).rejects.toMatchObject({ code: "ERR_ABORTED" });
        expect(existsSync(join(run, "model.onnx"))).toBe(false);
        const { history } = await train(dataset, split, TINY_CONFIG, { run, resume: true });
        expect(digests(run)).toEqual(expected.digests);
        expect(history.map(withoutSeconds)).toEqual(expected.history);
      },
    );

    test("after a stop at every step does, too, and so does saving at every step", async () => {
      const expected = await uninterrupted();
      const run = tempFolder();
      const config = { ...TINY_CONFIG, checkpointSeconds: 1e-9 };
      for (let stops = 0; ; stops++) {
        try {
          await train(dataset, split, config, { run, resume: true, signal: abortAfter(1) });
          expect(stops).toBe(23);
          break;
        } catch (error) {
          expect(error).toMatchObject({ code: "ERR_ABORTED" });
        }
      }
      expect(digests(run)).toEqual(expected.digests);
    });

    test("a finished run exports and scores it again", async () => {
      const expected = await uninterrupted();
      const run = tempFolder();
      const first = await train(dataset, split, TINY_CONFIG, { run });
      await rm(join(run, "model.onnx"));
      const again = await train(dataset, split, {}, { run, resume: true });
      expect(again.metrics).toEqual(first.metrics);
      expect(digests(run)).toEqual(expected.digests);
    });

    test("takes the run's own config, and refuses another", async () => {
      const run = tempFolder();
      const stopped = train(dataset, split, TINY_CONFIG, { run, signal: abortAfter(2) });
      await expect(stopped).rejects.toMatchObject({ code: "ERR_ABORTED" });
      const other = train(dataset, split, { ...TINY_CONFIG, batchSize: 8 }, { run, resume: true });
      await expect(other).rejects.toThrow(/batchSize was 12, now 8/);
      const otherData = train(tinyDataset(90, 2), split, {}, { run, resume: true });
      await expect(otherData).rejects.toMatchObject({ code: "ERR_CHECKPOINT" });
      const otherSplit = train(dataset, { ...split, test: split.test.slice(1) }, {}, { run, resume: true });
      await expect(otherSplit).rejects.toMatchObject({ code: "ERR_CHECKPOINT" });
      await expect(readRunSplit(run, tinyDataset(90, 2))).rejects.toMatchObject({ code: "ERR_SPLIT" });
      expect((await train(dataset, split, {}, { run, resume: true })).config.batchSize).toBe(12);
    });

    test("a damaged checkpoint is refused by name", async () => {
      const run = tempFolder();
      const stopped = train(dataset, split, TINY_CONFIG, { run, signal: abortAfter(2) });
      await expect(stopped).rejects.toMatchObject({ code: "ERR_ABORTED" });
      const path = join(run, "checkpoint.safetensors");
      await writeFile(path, (await readFile(path)).subarray(0, 5000));
      const resumed = train(dataset, split, {}, { run, resume: true });
      await expect(resumed).rejects.toMatchObject({
        code: "ERR_CHECKPOINT",
        message: expect.stringContaining(path),
      });
    });

    test("a run that was killed before its first checkpoint starts again as it was told the first time", async () => {
      const run = tempFolder();
      const stopped = train(dataset, split, TINY_CONFIG, { run, signal: abortAfter(0) });
      await expect(stopped).rejects.toMatchObject({ code: "ERR_ABORTED" });
      await rm(join(run, "checkpoint.safetensors"));
      const { config } = await train(dataset, split, { device: "auto" }, { run, resume: true });
      expect(config).toMatchObject(TINY_CONFIG);
      expect(digests(run)).toEqual((await uninterrupted()).digests);
    });

    test("a folder without a run starts one", async () => {
      const { history } = await train(
        dataset,
        split,
        { ...TINY_CONFIG, epochs: 1 },
        { run: tempFolder(), resume: true },
      );
      expect(history.length).toBe(3);
    });
  });

  test("a run is not overwritten unless told so", async () => {
    const run = tempFolder();
    const config = { ...TINY_CONFIG, pretrainEpochs: 0, epochs: 1 };
    await train(dataset, split, config, { run });
    await expect(train(dataset, split, config, { run })).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
    const { history } = await train(dataset, split, { ...config, epochs: 2 }, { run, overwrite: true });
    expect(history.length).toBe(2);
  });

  test("stops early and keeps the weights of the best epoch", async () => {
    const run = tempFolder();
    const config = { ...TINY_CONFIG, pretrainEpochs: 0, epochs: 60, patience: 1, learningRate: 5e-3 };
    const { history, metrics } = await train(dataset, split, config, { run });
    const kept = metrics.phases[0]!;
    expect(history.length).toBe(kept.epoch + 1);
    expect(history.length).toBeLessThan(60);
    const probabilities = await runModel(
      join(run, "model.onnx"),
      gatherImages(dataset, split.validation),
      3,
      64,
    );
    const labels = gatherLabels(dataset, split.validation);
    const correct = predictedClasses(probabilities, 3).filter((label, i) => label === labels[i]).length;
    expect(correct / labels.length).toBe(kept.accuracies.validation);
  });

  test("a loss that is no number any more ends the run", async () => {
    const config = { ...TINY_CONFIG, pretrainEpochs: 0, epochs: 40, learningRate: 1e30 };
    await expect(train(dataset, split, config, { run: tempFolder() })).rejects.toMatchObject({
      code: "ERR_DIVERGED",
    });
  });

  test("works without validation, without a test part, without a pool", async () => {
    const bare = {
      ...split,
      validation: new Uint32Array(),
      test: new Uint32Array(),
      unlabelled: new Uint32Array(),
    };
    const { metrics, history } = await train(
      dataset,
      bare,
      { ...TINY_CONFIG, patience: 1 },
      { run: tempFolder() },
    );
    expect(metrics.accuracy).toBeNull();
    expect(history.length).toBe(6);
  });

  test("batches shrink to fewer images than a batch", async () => {
    const few = {
      ...split,
      labelled: split.labelled.slice(0, 2),
      unlabelled: new Uint32Array(),
      validation: new Uint32Array(),
    };
    const { history } = await train(dataset, few, { ...TINY_CONFIG, batchSize: 256 }, { run: tempFolder() });
    expect(history.length).toBe(6);
  });

  test("the event loop turns between steps", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await train(dataset, split, { ...TINY_CONFIG, epochs: 2 }, { run: tempFolder() });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(10);
  });

  describe("refuses", () => {
    const attempt = (over: Partial<typeof dataset>, parts: Partial<typeof split> = {}, config = {}) =>
      train(
        { ...dataset, ...over },
        { ...split, ...parts },
        { ...TINY_CONFIG, ...config },
        { run: tempFolder() },
      );

    test.each<[string, () => Promise<unknown>, string]>([
      ["one class", () => attempt({ classes: ["only"] }), "ERR_LABELS"],
      ["no labelled rows", () => attempt({}, { labelled: new Uint32Array() }), "ERR_SPLIT"],
      ["a row that is not there", () => attempt({}, { test: Uint32Array.of(90) }), "ERR_SPLIT"],
      [
        "a labelled row without a label",
        () => attempt({ labels: dataset.labels.map(() => -1) }),
        "ERR_SPLIT",
      ],
      ["labels beyond the classes", () => attempt({ labels: dataset.labels.map(() => 3) }), "ERR_SPLIT"],
      ["too few images", () => attempt({ images: dataset.images.subarray(784) }), "ERR_ARGUMENT"],
      ["an unknown model", () => attempt({}, {}, { model: "clgam" }), "ERR_ARGUMENT"],
      ["an unknown model option", () => attempt({}, {}, { modelOptions: { dropuot: 1 } }), "ERR_ARGUMENT"],
      ["an unknown key", () => attempt({}, {}, { epoch: 1 }), "ERR_ARGUMENT"],
      ["a device that is not there", () => attempt({}, {}, { device: "cuda:99" }), "ERR_DEVICE"],
    ])("%s", async (_name, call, code) => {
      await expect(call()).rejects.toMatchObject({ code });
    });

    test("a run folder that cannot be made", async () => {
      const run = join(tempFile("file", "x"), "run");
      await expect(train(dataset, split, TINY_CONFIG, { run })).rejects.toMatchObject({ code: "ERR_IO" });
    });
  });
});
