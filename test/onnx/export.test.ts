import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Backend } from "../../src/nn/backend.ts";
import {
  exportOnnx,
  type ModelMetadata,
  parseModelMetadata,
  type ReadableParameter,
  readModelMetadata,
  runModel,
  type Traceable,
  traceModel,
} from "../../src/onnx/index.ts";

const CLASSES = ["chat", "mail", "voice ü"];
const METADATA: ModelMetadata = {
  formatVersion: 1,
  toolVersion: "0.1.0",
  model: "linear",
  modelOptions: { bidirectional: false },
  classes: CLASSES,
  view: "l3",
  mask: "identity",
  order: "stream",
  decap: ["gre", "vxlan"],
  protocols: ["tcp", "udp", 41],
  idleTimeout: 120,
  activeTimeout: null,
  closeTimeout: 5,
  training: {
    labels: "10%",
    labelled: 90,
    validation: 10,
    unlabelled: 100,
    test: 50,
    split: "random",
    seed: 1,
    scores: { accuracy: 0.5 },
  },
};

// logits = mean of the rows of (image / 255), times a fixed matrix
const parameter = (path: string, shape: number[], values: Float32Array): ReadableParameter => ({
  path,
  shape,
  values: () => values,
});
const weights = Float32Array.from({ length: 84 }, (_, i) => Math.sin(i));
const biases = Float32Array.of(0.1, -0.2, 0.3);
const weight = parameter("out.weight", [3, 28], weights);
const bias = parameter("out.bias", [3], biases);
const model: Traceable<ReadableParameter> = {
  logits: <T>(backend: Backend<T, ReadableParameter>, images: T) =>
    backend.linear(
      backend.mean(backend.affine(backend.toFloat(images), 1 / 255, 0), 1),
      backend.parameter(weight),
      backend.parameter(bias),
    ),
};

const images = Uint8Array.from({ length: 70 * 784 }, (_, i) => (i * i * 31 + (i >> 5)) & 255);

function expectedProbabilities(): Float32Array {
  const result = new Float32Array(70 * 3);
  for (let n = 0; n < 70; n++) {
    const logits = [0, 1, 2].map((k) => {
      let sum = biases[k]!;
      for (let i = 0; i < 784; i++) sum += (images[n * 784 + i]! / 255 / 28) * weights[k * 28 + (i % 28)]!;
      return Math.exp(sum);
    });
    const total = logits.reduce((a, b) => a + b, 0);
    logits.forEach((value, k) => {
      result[n * 3 + k] = value / total;
    });
  }
  return result;
}

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "flowglyph-onnx-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

test("an export that agrees with torch is saved with its metadata", async () => {
  const path = join(folder, "model.onnx");
  const check = { images, probabilities: expectedProbabilities() };
  const { largestDifference } = await exportOnnx(model, METADATA, path, check);
  expect(largestDifference).toBeLessThanOrEqual(1e-5);
  expect(await readdir(folder)).toEqual(["model.onnx"]);
  expect(await readModelMetadata(path)).toEqual(METADATA);
  const again = await runModel(path, images, 3, 70);
  check.probabilities.forEach((value, i) => {
    expect(again[i]).toBeCloseTo(value, 5);
  });
});

test("an export that differs is not saved, and an older model stays", async () => {
  const path = join(folder, "older.onnx");
  await writeFile(path, "older");
  const wrong = expectedProbabilities();
  wrong[209]! += 2e-5; // the last probability of the last image
  const saved = exportOnnx(model, METADATA, path, { images, probabilities: wrong });
  await expect(saved).rejects.toMatchObject({ code: "ERR_EXPORT_MISMATCH" });
  expect(await readFile(path, "utf8")).toBe("older");
  expect((await readdir(folder)).filter((name) => name.includes("tmp"))).toEqual([]);
});

test("probabilities that are not a number never pass", async () => {
  const wrong = expectedProbabilities().fill(Number.NaN);
  const saved = exportOnnx(model, METADATA, join(folder, "nan.onnx"), { images, probabilities: wrong });
  await expect(saved).rejects.toMatchObject({ code: "ERR_EXPORT_MISMATCH" });
});

test("a folder that is not there is an I/O error", async () => {
  const check = { images, probabilities: expectedProbabilities() };
  const saved = exportOnnx(model, METADATA, join(folder, "none", "model.onnx"), check);
  await expect(saved).rejects.toMatchObject({ code: "ERR_IO" });
});

test("an export needs images to be checked on", async () => {
  const check = { images: new Uint8Array(0), probabilities: new Float32Array(0) };
  const saved = exportOnnx(model, METADATA, join(folder, "unchecked.onnx"), check);
  await expect(saved).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
});

test("a model that gives another number of classes is refused", () => {
  expect(() => traceModel(model, { ...METADATA, classes: ["a", "b"] })).toThrow(
    /Expected the model to give \(N, 2\) logits but received \(N, 3\)/,
  );
});

test.each<[string, Uint8Array, RegExp]>([
  ["text", Buffer.from("not a model at all"), /is not an ONNX model/],
  ["nothing", new Uint8Array(0), /is not an ONNX model/],
  ["a cut file", traceModel(model, METADATA).slice(0, 300), /is not an ONNX model/],
])("%s is refused as a model", (_name, bytes, message) => {
  expect(() => parseModelMetadata(bytes, "some.onnx")).toThrow(message);
});

test("every cut of a model file is refused or read, never anything else", () => {
  const bytes = traceModel(model, METADATA);
  for (let length = 0; length < bytes.length; length += 7) {
    try {
      parseModelMetadata(bytes.subarray(0, length), "cut.onnx");
    } catch (error) {
      expect(error).toMatchObject({ code: "ERR_MODEL_FORMAT" });
    }
  }
});

test.each<[keyof ModelMetadata, unknown]>([
  ["formatVersion", 2],
  ["classes", []],
  ["view", "l4"],
  ["idleTimeout", -1],
  ["training", null],
])("metadata with %s = %j is refused by name", (field, value) => {
  const bytes = traceModel(model, { ...METADATA, classes: CLASSES });
  const text = JSON.stringify({ ...METADATA, [field]: value });
  const broken = traceModel(model, { ...METADATA, toJSON: () => JSON.parse(text) } as ModelMetadata);
  expect(parseModelMetadata(bytes, "m.onnx").classes).toEqual(CLASSES);
  expect(() => parseModelMetadata(broken, "m.onnx")).toThrow(
    new RegExp(`Expected ${field} in the metadata of m.onnx`),
  );
});
