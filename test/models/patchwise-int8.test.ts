// Patchwise in integers: the graph against the same arithmetic written out, and what onnxruntime makes of it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/dataset/random.ts";
import { Patchwise, symbolSize } from "../../src/models/patchwise.ts";
import { emitPatchwiseInt8, type PatchwiseRanges } from "../../src/models/patchwise-int8.ts";
import { openModel } from "../../src/onnx/check.ts";
import { quantizeTable } from "../../src/onnx/int8.ts";
import { decodeModel } from "../../src/onnx/proto.ts";
import { logitsGraph } from "../../src/onnx/trace.ts";
import { anyMetadata } from "../support/any-metadata.ts";
import { plainInt8Linear } from "../support/plain-int8.ts";
import { tempFolder } from "../support/temp-folder.ts";

const CLASSES = 5;
const IMAGES = 9;
const RANGES: PatchwiseRanges = { first: 2.5, second: 2 };

const random = seededRandom(3);
const images = Uint8Array.from({ length: IMAGES * 784 }, () => random.next() & 255);
const metadata = anyMetadata(CLASSES);

const file = (model: Patchwise) =>
  logitsGraph(metadata, (graph, input) => emitPatchwiseInt8(graph, input, model, RANGES));

/** float64 [IMAGES, CLASSES]. */
function plainProbabilities(model: Patchwise): number[] {
  const { bytes, width, places } = model;
  const table = quantizeTable(model.embedding.weight.values().subarray(0, 256 * symbolSize));
  const layer = (name: "first" | "second") => ({
    weight: model[name].weight.values(),
    bias: model[name].bias.values(),
  });
  const embedded = new Uint8Array(IMAGES * bytes * symbolSize);
  for (let image = 0; image < IMAGES; image++) {
    for (let at = 0; at < bytes; at++) {
      const byte = images[image * 784 + at]!;
      embedded.set(
        table.data.subarray(byte * symbolSize, (byte + 1) * symbolSize),
        (image * bytes + at) * symbolSize,
      );
    }
  }
  const first = plainInt8Linear(embedded, table, layer("first"), RANGES.first);
  const second = plainInt8Linear(first.values, { ...first, zero: 0 }, layer("second"), RANGES.second);
  const [weight, bias] = [model.classes.weight.values(), model.classes.bias.values()];
  return Array.from({ length: IMAGES }, (_, image) => {
    const features = Array.from({ length: 2 * width }, (_, channel) =>
      Array.from(
        { length: places },
        (_, place) => second.scale * second.values[(image * places + place) * 2 * width + channel]!,
      ),
    );
    const pooled = [
      ...features.map((values) => Math.max(...values)),
      ...features.map((values) => values.reduce((sum, value) => sum + value, 0) / places),
    ];
    const logits = Array.from({ length: CLASSES }, (_, k) =>
      pooled.reduce((sum, value, i) => sum + value * weight[k * pooled.length + i]!, bias[k]!),
    );
    const powers = logits.map(Math.exp);
    const sum = powers.reduce((total, power) => total + power, 0);
    return powers.map((power) => power / sum);
  }).flat();
}

describe.each([784, 256])("patchwise of %d bytes in integers", (bytes) => {
  const model = new Patchwise(CLASSES, { width: 16, bytes }).initialize(4);
  // Initial classifiers say the same of all images.
  model.classes.weight.assign(model.classes.weight.values().map((value) => 6 * value));

  test("gives the probabilities of its arithmetic written out, a tie apart", async () => {
    const opened = await openModel(file(model), CLASSES);
    const given = await opened.run(images, 4);
    await opened.release();
    const plain = plainProbabilities(model);
    const apart = [...given].map((value, i) => Math.abs(value - plain[i]!));
    expect(Math.max(...apart)).toBeLessThan(5e-3);
    expect(apart.toSorted((a, b) => a - b)[apart.length >> 1]).toBeLessThan(1e-4);
    expect(Math.max(...given) - Math.min(...given)).toBeGreaterThan(0.1);
  });

  test("onnxruntime multiplies integers: both patch layers are one node each, quantized", async () => {
    const path = join(tempFolder(), "optimized.onnx");
    const session = await InferenceSession.create(file(model), {
      graphOptimizationLevel: "all",
      optimizedModelFilePath: path,
      logSeverityLevel: 3,
    });
    await session.release();
    const operators = decodeModel(readFileSync(path), path).graph!.node!.map(({ opType }) => opType);
    expect(operators.filter((type) => type === "QGemm")).toHaveLength(2);
    expect(operators.filter((type) => type === "QuantizeLinear")).toHaveLength(0);
  });
});
