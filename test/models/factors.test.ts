// The model `factors` as a whole: it learns from unlabelled images, its ONNX graph gives its probabilities, and what it
// saved is taken back or refused.
import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { randomBelow, seededRandom } from "../../src/dataset/random.ts";
import { factors } from "../../src/models/factors.ts";
import type { FitRequest, FittedModel } from "../../src/models/fitted.ts";
import { fittedGraph } from "../../src/onnx/fitted-graph.ts";
import type { ModelMetadata } from "../../src/onnx/metadata.ts";

const CLASSES = 4;

/** Each class has two vocabularies of byte pairs, which occur together; a session begins with one or with the other. */
function draw(count: number, seed: number, mixed = true): { images: Uint8Array; labels: Int32Array } {
  const random = seededRandom(seed);
  const images = new Uint8Array(count * 784);
  const labels = Int32Array.from({ length: count }, () => randomBelow(random, CLASSES));
  for (const [i, label] of labels.entries()) {
    const length = 100 + randomBelow(random, 300);
    const only = randomBelow(random, 2);
    for (let k = 0; k < length; k += 2) {
      const vocabulary = mixed ? randomBelow(random, 2) : only;
      images[i * 784 + k] = 16 * (2 * label + vocabulary) + randomBelow(random, 8);
      images[i * 784 + k + 1] = 128 + randomBelow(random, 8);
    }
  }
  return { images, labels };
}

function request(over: Partial<FitRequest> & Pick<FitRequest, "images" | "labels">): FitRequest<never> {
  return {
    unlabelled: { count: 0, take: () => new Uint8Array() },
    classes: CLASSES,
    seed: 1,
    options: { dimensions: 16, penalty: 100, sessions: 500 },
    threads: 1,
    signal: undefined,
    saved: undefined,
    onProgress: () => undefined,
    checkpoint: async () => undefined,
    ...over,
  } as FitRequest as FitRequest<never>;
}

const source = (images: Uint8Array) => ({
  count: images.length / 784,
  take: (rows: Uint32Array) => {
    const taken = new Uint8Array(rows.length * 784);
    for (const [i, row] of rows.entries()) taken.set(images.subarray(row * 784, row * 784 + 784), i * 784);
    return taken;
  },
});

/** toEqual takes seconds for so many numbers. */
function same(a: FittedModel, b: FittedModel): boolean {
  const other = b.state();
  return [...a.state()].every(([name, data]) =>
    Buffer.from(data.buffer).equals(Buffer.from(other.get(name)!.buffer)),
  );
}

function accuracy(probabilities: Float32Array, labels: Int32Array): number {
  const right = labels.filter((label, i) => {
    const own = probabilities.subarray(i * CLASSES, i * CLASSES + CLASSES);
    return own.indexOf(Math.max(...own)) === label;
  });
  return right.length / labels.length;
}

test("few labels and many sessions without: what occurs together there is one thing here", async () => {
  const known = draw(24, 1, false);
  const asked = draw(200, 2, false);
  const pool = draw(400, 3);
  const alone = await factors.fit(request(known));
  const helped = await factors.fit(request({ ...known, unlabelled: source(pool.images) }));
  const [without, beside] = [alone, helped].map(async (model) =>
    accuracy(await model.predict(asked.images), asked.labels),
  );
  expect(await beside).toBeGreaterThan(0.95);
  expect(await beside).toBeGreaterThanOrEqual((await without) ?? 1);
});

test("the graph gives the probabilities of the prediction, images without a known pair too", async () => {
  const known = draw(60, 4);
  const model = await factors.fit(request(known));
  const asked = draw(33, 5).images;
  asked.fill(254, 0, 784);
  asked.fill(255, 784, 2 * 784);
  const metadata = { classes: Array.from({ length: CLASSES }, String), model: "factors", toolVersion: "0" };
  const session = await InferenceSession.create(fittedGraph(model, metadata as unknown as ModelMetadata));
  const { probabilities } = await session.run({ images: new Tensor("uint8", asked, [33, 28, 28]) });
  const expected = await model.predict(asked);
  const found = probabilities!.data as Float32Array;
  expect(Math.max(...expected.map((value, i) => Math.abs(value - found[i]!)))).toBeLessThan(1e-5);
  expect([...found.subarray(0, CLASSES)]).toEqual([...found.subarray(CLASSES, 2 * CLASSES)]);
});

test("more sessions than it may learn from: the labelled ones and a sample, the same for the same seed", async () => {
  const known = draw(20, 6);
  const pool = draw(300, 7);
  const asked: number[] = [];
  const watched = {
    ...source(pool.images),
    take: (rows: Uint32Array) => {
      asked.push(rows.length);
      return source(pool.images).take(rows);
    },
  };
  const options = { dimensions: 16, penalty: 100, sessions: 100 };
  const [first, again] = [
    await factors.fit(request({ ...known, unlabelled: watched, options })),
    await factors.fit(request({ ...known, unlabelled: watched, options, threads: 3 })),
  ];
  expect(asked).toEqual([80, 80]);
  expect(same(again, first)).toBe(true);
  const fewer = await factors.fit(
    request({ ...known, unlabelled: watched, options: { ...options, sessions: 10 } }),
  );
  expect(asked.at(-1)).toBe(0);
  expect((await fewer.predict(known.images)).every(Number.isFinite)).toBe(true);
});

test("what was saved is taken back without the work; what is no state of it is refused", async () => {
  const known = draw(40, 8);
  const model = await factors.fit(request(known));
  const none = {
    count: 1e9,
    take: () => {
      throw new Error("not asked for");
    },
  };
  const again = await factors.fit(request({ ...known, unlabelled: none, saved: model.state() }));
  expect(same(again, model)).toBe(true);
  const table = await factors.fit(request({ ...known, unlabelled: none, saved: model.unlabelledState!() }));
  expect(same(table, model)).toBe(true);
  for (const [name, data] of model.state()) {
    const wrongs =
      data instanceof Int32Array
        ? [data.slice(1), Float32Array.from(data), data.slice().reverse(), data.map((word) => word + 65536)]
        : [data.slice(1), Int32Array.from(data), data.map(() => Number.NaN)];
    if (name.endsWith(".vectors"))
      wrongs.push(
        data.map((value) => value + 0.5),
        data.map(() => 2 ** 14 + 1),
      );
    for (const wrong of wrongs) {
      const saved = new Map([...model.state(), [name, wrong] as const]);
      await expect(factors.fit(request({ ...known, saved }))).rejects.toMatchObject({
        code: "ERR_CHECKPOINT",
      });
    }
  }
});
