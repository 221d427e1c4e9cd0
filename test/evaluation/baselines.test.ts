import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gatherImages } from "../../src/dataset/dataset.ts";
import { openDataset } from "../../src/dataset/open.ts";
import { randomBelow, seededRandom } from "../../src/dataset/random.ts";
import { makeSplit } from "../../src/dataset/split.ts";
import { IMAGE_BYTES } from "../../src/dataset/types.ts";
import { type BaselineScore, baselines } from "../../src/evaluation/baselines.ts";
import { extraTrees } from "../../src/evaluation/extra-trees.ts";
import { nearestNeighbours } from "../../src/evaluation/nearest-neighbour.ts";
import { fixture, repeated } from "../dataset/fixtures.ts";

const pause = (): Promise<void> => Promise.resolve();

describe("nearest neighbour", () => {
  it.each([3, 256])(
    "equals the search without pruning, smallest row first (bytes below %i)",
    async (values) => {
      const random = seededRandom(values);
      const images = (count: number): Uint8Array =>
        Uint8Array.from({ length: count * IMAGE_BYTES }, (_, i) =>
          i % IMAGE_BYTES < 300 ? randomBelow(random, values) : 0,
        );
      const [train, test] = [images(120), images(60)];
      train.copyWithin(50 * IMAGE_BYTES, 10 * IMAGE_BYTES, 11 * IMAGE_BYTES);
      test.set(train.subarray(50 * IMAGE_BYTES, 51 * IMAGE_BYTES), 0);
      const expected = Array.from({ length: 60 }, (_, t) => {
        let best = { distance: Number.POSITIVE_INFINITY, row: -1 };
        for (let row = 0; row < 120; row++) {
          let distance = 0;
          for (let k = 0; k < IMAGE_BYTES; k++)
            distance += (train[row * IMAGE_BYTES + k]! - test[t * IMAGE_BYTES + k]!) ** 2;
          if (distance < best.distance) best = { distance, row };
        }
        return best.row;
      });
      expect([...(await nearestNeighbours(train, test, IMAGE_BYTES, { pause }))]).toEqual(expected);
      expect(expected[0]).toBe(10);
    },
  );
});

describe("extremely randomised trees", () => {
  // The class is the exclusive or of two bits: no single byte tells it, two together do.
  const random = seededRandom(5);
  const draw = (count: number): { images: Uint8Array; labels: Int32Array } => {
    const images = Uint8Array.from({ length: count * 16 }, () => randomBelow(random, 256));
    const labels = Int32Array.from(
      { length: count },
      (_, i) => (images[i * 16 + 3]! > 127 ? 1 : 0) ^ (images[i * 16 + 9]! > 127 ? 1 : 0),
    );
    return { images, labels };
  };
  const [train, test] = [draw(1500), draw(500)];
  const grow = (seed: number, trees = 60): Promise<Int32Array> =>
    extraTrees(train.images, train.labels, test.images, 2, { trees, seed, pause });

  it("learn what no single byte tells", async () => {
    const predictions = await grow(1);
    const correct = predictions.filter((prediction, i) => prediction === test.labels[i]).length;
    expect(correct / 500).toBeGreaterThan(0.8);
    expect(correct / 500).toBeLessThan(1);
  });
  it("are decided by the seed", async () => {
    expect(await grow(2, 5)).toEqual(await grow(2, 5));
    expect(await grow(2, 5)).not.toEqual(await grow(3, 5));
  });
  it("repeat the training labels on the training images", async () => {
    const predictions = await extraTrees(train.images, train.labels, train.images, 2, {
      trees: 3,
      seed: 1,
      pause,
    });
    expect(predictions).toEqual(train.labels);
  });
  it("cope with images that are all alike", async () => {
    const labels = Int32Array.from([0, 1, 1]);
    const predictions = await extraTrees(new Uint8Array(48), labels, new Uint8Array(16), 2, {
      trees: 2,
      seed: 1,
      pause,
    });
    expect([...predictions]).toEqual([1]);
  });
});

describe("baselines", () => {
  const dataset = fixture({ labels: repeated([0, 100], [1, 60], [2, 40]) });
  // Make the class visible to a distance too.
  for (let row = 0; row < dataset.count; row++) {
    dataset.images.fill(dataset.labels[row]! * 60, row * IMAGE_BYTES, row * IMAGE_BYTES + 700);
  }
  const split = makeSplit(dataset, { labels: 60 });

  it("name majority class, nearest neighbour and trees with their scores", async () => {
    const scores = (await baselines(dataset, split, { trees: 20 })) as BaselineScore[];
    expect(scores.map(({ name }) => name)).toEqual([
      "majority class",
      "1-nearest neighbour",
      "extremely randomised trees",
    ]);
    expect(scores.map(({ accuracy }) => accuracy)).toEqual([0.5, 1, 1]);
    expect(scores[0]!.macroF1).toBeCloseTo(2 / 3 / 3, 12);
    expect(gatherImages(dataset, split.test).length).toBe(40 * IMAGE_BYTES);
  });
  it("say what they skip and why", async () => {
    const scores = await baselines(dataset, split, { maxPairs: 10, maxTreeImages: 10 });
    expect(scores.slice(1)).toEqual([
      { name: "1-nearest neighbour", skipped: "60 training by 40 test images are more than 10 pairs" },
      { name: "extremely randomised trees", skipped: "60 training images are more than 10" },
    ]);
  });
  it("stop when they are aborted, and let the event loop run meanwhile", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 60);
    await expect(baselines(dataset, split, { trees: 1e6, signal: controller.signal })).rejects.toMatchObject({
      code: "ERR_ABORTED",
    });
  });
  it("refuse a split without labels", async () => {
    await expect(baselines(dataset, makeSplit(dataset, { labels: 0 }))).rejects.toMatchObject({
      code: "ERR_SPLIT",
    });
  });
});

const data = process.env.FLOWGLYPH_DATA ?? join(import.meta.dirname, "../../../shared/data");
const published = join(data, "iscx12/SessionAllLayers");
describe.skipIf(!existsSync(published))("baselines on published images", () => {
  // scikit-learn on the rows of this split: nearest neighbour 0.7925963; trees 0.940 and 0.943 (two seeds). Ours do better,
  // see extra-trees.ts.
  it("score as a second implementation does, 10 % of iscx12's labels", { timeout: 120_000 }, async () => {
    const images = await openDataset(published);
    const scores = (await baselines(
      images,
      makeSplit(images, { labels: "10%", seed: 1 }),
    )) as BaselineScore[];
    expect(scores[1]!.accuracy).toBeCloseTo(0.7925963, 6);
    expect(scores[2]!.accuracy).toBeGreaterThan(0.935);
    expect(scores[2]!.accuracy).toBeLessThan(0.975);
  });
});
