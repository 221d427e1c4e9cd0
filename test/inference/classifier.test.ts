import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Classifier, type ClassifierOptions } from "../../src/inference/index.ts";
import { tempFile, tempFolder } from "../support/temp-folder.ts";
import {
  firstBytesWeights,
  furthest,
  type TinyModelOptions,
  tinyModel,
  tinyProbabilities,
} from "../support/tiny-onnx.ts";

const CLASSES = ["mail", "video", "voice"];
const WEIGHTS = firstBytesWeights(3, 0.01);
const MODEL = tinyModel({ classes: CLASSES, weights: WEIGHTS });

/** Images whose bytes differ from row to row. */
function someImages(count: number, seed = 1): Uint8Array {
  const images = new Uint8Array(count * 784);
  let state = seed;
  for (let i = 0; i < images.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    images[i] = state >>> 24;
  }
  return images;
}

test("the probabilities are the model's, row by row, for every batch size", async () => {
  await using classifier = await Classifier.load(MODEL, { workers: 2 });
  for (const count of [1, 2, 3, 64, 255, 256, 257, 1000]) {
    const images = someImages(count, count);
    const { probabilities, classIndex, probability } = await classifier.predict(images);
    const expected = tinyProbabilities(images, WEIGHTS, 3);
    expect(probabilities.length).toBe(count * 3);
    expect(classIndex.length).toBe(count);
    expected.forEach((row, i) => {
      expect(furthest(row, probabilities.subarray(i * 3, i * 3 + 3))).toBeLessThan(1e-5);
      expect(probability[i]).toBe(Math.max(...probabilities.subarray(i * 3, i * 3 + 3)));
      expect(probabilities[i * 3 + classIndex[i]!]).toBe(probability[i]);
    });
  }
});

test("the caller's images stay the caller's, also as a part of a larger buffer", async () => {
  await using classifier = await Classifier.load(MODEL, { workers: 1 });
  const whole = someImages(5);
  const before = whole.slice();
  const view = whole.subarray(784, 3 * 784);
  const { probabilities } = await classifier.predict(view);
  const { probabilities: shared } = await classifier.predict(
    new Uint8Array(new SharedArrayBuffer(view.length)).map((_, i) => view[i]!),
  );
  expect(whole).toEqual(before);
  expect(probabilities.length).toBe(6);
  expect(shared).toEqual(probabilities);
});

test("no image is no verdict", async () => {
  await using classifier = await Classifier.load(MODEL, { workers: 1 });
  expect((await classifier.predict(new Uint8Array(0))).classIndex.length).toBe(0);
});

test("many calls at once are each answered with their own verdicts", async () => {
  await using classifier = await Classifier.load(MODEL, { workers: 2 });
  const calls = Array.from({ length: 40 }, (_, i) => someImages(1 + (i % 5), i));
  const answers = await Promise.all(calls.map((images) => classifier.predict(images)));
  answers.forEach(({ probabilities }, i) => {
    const expected = tinyProbabilities(calls[i]!, WEIGHTS, 3).flat();
    expect(probabilities.length).toBe(expected.length);
    expect(furthest(expected, probabilities)).toBeLessThan(1e-5);
  });
});

test("the metadata is the model's", async () => {
  const model = tinyModel({ classes: CLASSES, weights: WEIGHTS, metadata: { view: "l7", idleTimeout: 30 } });
  await using classifier = await Classifier.load(tempFile("m.onnx", model), { workers: 1 });
  expect(classifier.metadata).toMatchObject({
    classes: CLASSES,
    view: "l7",
    mask: "identity",
    idleTimeout: 30,
  });
});

test("a run folder stands for the model in it", async () => {
  const folder = join(tempFolder(), "run");
  mkdirSync(folder);
  writeFileSync(join(folder, "model.onnx"), MODEL);
  await using classifier = await Classifier.load(folder, { workers: 1 });
  expect(classifier.metadata.classes).toEqual(CLASSES);
});

const bad = (options: Partial<TinyModelOptions>) =>
  tinyModel({ classes: CLASSES, weights: WEIGHTS, ...options });

test.each<[string, Uint8Array | string, string]>([
  ["no protobuf", "this is text, not a model, and long enough", "ERR_MODEL_FORMAT"],
  ["an empty file", "", "ERR_MODEL_FORMAT"],
  ["a truncated model", MODEL.subarray(0, MODEL.length >> 1), "ERR_MODEL_FORMAT"],
  ["a model without our metadata", bad({ metadata: undefined }), "ERR_MODEL_FORMAT"],
  ["a newer metadata format", bad({ metadata: { formatVersion: 2 } }), "ERR_MODEL_FORMAT"],
  ["no classes", bad({ metadata: { classes: [] } }), "ERR_MODEL_FORMAT"],
  ["an unknown view", bad({ metadata: { view: "l9" } }), "ERR_MODEL_FORMAT"],
  ["fewer classes than outputs", bad({ classes: ["a", "b"] }), "ERR_MODEL_FORMAT"],
  ["another input", bad({ inputName: "pictures" }), "ERR_MODEL_FORMAT"],
  ["another output", bad({ outputName: "scores" }), "ERR_MODEL_FORMAT"],
])("%s is refused with the file's name", async (_, bytes, code) => {
  const path = tempFile("bad.onnx", bytes);
  await expect(Classifier.load(path, { workers: 2 })).rejects.toMatchObject({
    name: "FlowglyphError",
    code,
    message: expect.stringContaining(path),
  });
});

test("a model that is not there is ERR_IO", async () => {
  await expect(Classifier.load("/nonexistent/model.onnx")).rejects.toMatchObject({
    code: "ERR_IO",
    message: "Cannot read the model /nonexistent/model.onnx: no such file or folder",
  });
});

test.each<ClassifierOptions>([{ workers: 0 }, { workers: 1.5 }, { intraOpThreads: -1 }, { workers: 1000 }])(
  "%o is refused",
  async (options) => {
    await expect(Classifier.load(MODEL, options)).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
  },
);

test("images that do not fit the count are refused", async () => {
  await using classifier = await Classifier.load(MODEL, { workers: 1 });
  for (const [images, count] of [
    [new Uint8Array(785), undefined],
    [new Uint8Array(784), 2],
    [new Uint8Array(784), -1],
  ] as const) {
    await expect(classifier.predict(images, { count })).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
  }
  await expect(classifier.predict([] as never)).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
});

test("closing answers what is under way, gives up what waits, refuses what comes after, and may be repeated", async () => {
  const classifier = await Classifier.load(MODEL, { workers: 1 });
  const calls = Array.from({ length: 20 }, () => classifier.predict(someImages(3)));
  const [outcomes] = await Promise.all([Promise.allSettled(calls), classifier.close(), classifier.close()]);
  expect(outcomes[0]).toMatchObject({ status: "fulfilled" });
  for (const outcome of outcomes.filter(({ status }) => status === "rejected")) {
    expect(outcome).toMatchObject({ reason: { code: "ERR_ABORTED" } });
  }
  await expect(classifier.predict(someImages(1))).rejects.toMatchObject({ code: "ERR_INFERENCE" });
  await classifier.close();
});
