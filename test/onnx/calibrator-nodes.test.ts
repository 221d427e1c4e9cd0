// The calibrator in the graph against calibratedProbabilities, for both kinds of model, as onnxruntime computes it.
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { calibratedProbabilities } from "../../src/evaluation/calibrator.ts";
import { nearest } from "../../src/models/nearest.ts";
import type { Backend } from "../../src/nn/backend.ts";
import { exportOnnx } from "../../src/onnx/export.ts";
import { fittedGraph } from "../../src/onnx/fitted-graph.ts";
import {
  type ModelMetadata,
  parseModelMetadata,
  type ReadableParameter,
  readModelMetadata,
  type Traceable,
  traceModel,
} from "../../src/onnx/index.ts";
import type { CalibrationSummary } from "../../src/onnx/metadata.ts";
import { tempFolder } from "../support/temp-folder.ts";

const metadata = (calibration?: CalibrationSummary): ModelMetadata => ({
  formatVersion: 1,
  toolVersion: "0",
  model: "linear",
  modelOptions: {},
  classes: ["a", "b", "c"],
  view: "l3",
  mask: "none",
  order: "stream",
  decap: "all",
  protocols: "all",
  idleTimeout: null,
  activeTimeout: null,
  closeTimeout: null,
  training: {
    labels: "all",
    labelled: 1,
    validation: 0,
    unlabelled: 0,
    test: 0,
    split: "random",
    seed: 1,
    scores: {},
  },
  ...(calibration && { calibration }),
});

const images = Uint8Array.from({ length: 9 * 784 }, (_, i) => (i * i * 31 + (i >> 5)) & 255);
const weights = Float32Array.from({ length: 84 }, (_, i) => 9 * Math.sin(i));
const weight: ReadableParameter = { path: "weight", shape: [3, 28], values: () => weights };
const bias: ReadableParameter = { path: "bias", shape: [3], values: () => new Float32Array(3) };
/** Mean of the rows of (image / 255), times a fixed matrix: (N, 3). */
const model: Traceable<ReadableParameter> = {
  logits: <T>(backend: Backend<T, ReadableParameter>, x: T) =>
    backend.linear(
      backend.mean(backend.affine(backend.toFloat(x), 1 / 255, 0), 1),
      backend.parameter(weight),
      backend.parameter(bias),
    ),
};
const logits = Float32Array.from({ length: 9 * 3 }, (_, at) => {
  const [n, k] = [Math.floor(at / 3), at % 3];
  let sum = 0;
  for (let i = 0; i < 784; i++) sum += (images[n * 784 + i]! / 255 / 28) * weights[k * 28 + (i % 28)]!;
  return sum;
});

async function run(bytes: Uint8Array): Promise<Float32Array> {
  const session = await InferenceSession.create(bytes);
  const { probabilities } = await session.run({ images: new Tensor("uint8", images, [9, 28, 28]) });
  return probabilities!.data as Float32Array;
}

const largest = (a: Float32Array, b: Float32Array) => Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));

describe.each([
  { temperature: 2.5, chance: 0 },
  { temperature: 0.4, chance: 0.1 },
  { temperature: 1, chance: 0.05 },
])("temperature $temperature, chance $chance", (calibrator) => {
  const calibration = { ...calibrator, rows: 10, source: "validation" } as const;

  test("is in a network's graph", async () => {
    const expected = calibratedProbabilities(logits, 3, calibrator);
    const found = await run(traceModel(model, metadata(calibration)));
    expect(largest(found, expected)).toBeLessThan(1e-5);
    // A control: without it the probabilities are others.
    expect(largest(await run(traceModel(model, metadata())), expected)).toBeGreaterThan(0.01);
  });

  test("is in a fitted model's graph, zeros and all", async () => {
    const labels = Int32Array.from({ length: 9 }, (_, i) => i % 3);
    const fitted = await nearest.fit({
      images,
      labels,
      unlabelled: { count: 0, take: () => new Uint8Array() },
      classes: 3,
      seed: 1,
      options: {},
      threads: 1,
      signal: undefined,
      saved: undefined,
      onProgress: () => undefined,
      checkpoint: async () => undefined,
    });
    const raw = await fitted.predict(images);
    expect(raw).toContain(0);
    const expected = calibratedProbabilities(raw.map(Math.log), 3, calibrator);
    expect(largest(await run(fittedGraph(fitted, metadata(calibration))), expected)).toBeLessThan(1e-6);
  });
});

test("the file says what calibrates it, and an export is held against calibrated probabilities", async () => {
  const path = join(tempFolder(), "model.onnx");
  const calibration = { temperature: 3, chance: 0, rows: 10, source: "validation" } as const;
  const check = { images, probabilities: calibratedProbabilities(logits, 3, calibration) };
  await exportOnnx(model, metadata(calibration), path, check);
  expect((await readModelMetadata(path)).calibration).toEqual(calibration);
  await expect(exportOnnx(model, metadata(), path, check)).rejects.toMatchObject({
    code: "ERR_EXPORT_MISMATCH",
  });
});

test.each([
  { temperature: 0, chance: 0, rows: 1, source: "validation" },
  { temperature: 1, chance: 1, rows: 1, source: "validation" },
  { temperature: 1, chance: 0, rows: -1, source: "validation" },
  { temperature: 1, chance: 0, rows: 1, source: "luck" },
])("metadata that names no calibrator is refused: %j", (wrong) => {
  // Past the tracer, which would divide by it.
  const said = { ...metadata(), toJSON: () => ({ ...metadata(), calibration: wrong }) } as ModelMetadata;
  expect(() => parseModelMetadata(traceModel(model, said), "it")).toThrow(
    /Expected calibration in the metadata of it/,
  );
});
