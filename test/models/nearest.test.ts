// The exported graph of `nearest` against a search that compares everything with everything, ties and all.
import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { randomBelow, seededRandom } from "../../src/dataset/random.ts";
import { nearest } from "../../src/models/nearest.ts";
import { fittedGraph } from "../../src/onnx/fitted-graph.ts";
import type { ModelMetadata } from "../../src/onnx/metadata.ts";

const CLASSES = 7;

function draw(count: number, values: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  return Uint8Array.from(
    { length: count * 784 },
    () => randomBelow(random, 2) * (255 - randomBelow(random, values)),
  );
}

function plainNearest(train: Uint8Array, image: Uint8Array): number {
  let best = { distance: Number.POSITIVE_INFINITY, row: -1 };
  for (let row = 0; row < train.length / 784; row++) {
    let distance = 0;
    for (let k = 0; k < 784; k++) distance += (train[row * 784 + k]! - image[k]!) ** 2;
    if (distance < best.distance) best = { distance, row };
  }
  return best.row;
}

// 9,000 rows take three chunks of the graph.
test.each([
  [1, 256],
  [300, 256],
  [9000, 2],
])("finds the nearest of %i training images, the first of equally near ones", async (rows, values) => {
  const train = draw(rows, values, 1);
  const random = seededRandom(2);
  const labels = Int32Array.from({ length: rows }, () => randomBelow(random, CLASSES));
  const asked = draw(12, values, 3);
  // Equal rows in one chunk and in two, asked for as they are and one bit beside; and the largest sums that there are.
  if (rows > 1) {
    for (const to of [rows - 1, rows >> 1, 40]) train.copyWithin(to * 784, 20 * 784, 21 * 784);
    for (const [i, row] of [rows - 1, rows >> 1].entries())
      asked.set(train.subarray(row * 784, (row + 1) * 784), i * 784);
    asked[784]! ^= 1;
    train.fill(255, 50 * 784, 51 * 784);
    asked.fill(255, 2 * 784, 3 * 784);
    asked.fill(0, 3 * 784, 4 * 784);
  }
  const model = await nearest.fit({
    images: train,
    unlabelled: { count: 0, take: () => new Uint8Array() },
    labels,
    classes: CLASSES,
    seed: 1,
    options: {},
    threads: 1,
    signal: undefined,
    saved: undefined,
    onProgress: () => undefined,
    checkpoint: async () => undefined,
  });
  const metadata = { classes: Array.from({ length: CLASSES }, String), model: "nearest", toolVersion: "0" };
  const session = await InferenceSession.create(fittedGraph(model, metadata as unknown as ModelMetadata));
  const { probabilities } = await session.run({ images: new Tensor("uint8", asked, [12, 28, 28]) });
  const expected = Array.from({ length: 12 }, (_, i) => {
    const row = plainNearest(train, asked.subarray(i * 784, (i + 1) * 784));
    return Array.from({ length: CLASSES }, (_, label) => Number(label === labels[row]));
  }).flat();
  expect([...(probabilities!.data as Float32Array)]).toEqual(expected);
  expect([...(await model.predict(asked))]).toEqual(expected);
});
