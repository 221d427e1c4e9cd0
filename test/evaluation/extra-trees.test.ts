import { describe, expect, it } from "vitest";
import { forestFunctions } from "../../bindings/capture/forest.ts";
import { type JobFunctions, nativeFunctions } from "../../bindings/capture/job.ts";
import { randomBelow, seededRandom } from "../../src/dataset/random.ts";
import { predictedClasses } from "../../src/evaluation/evaluate.ts";
import { type ExtraTreesOptions, growTrees, treeProbabilities } from "../../src/evaluation/extra-trees.ts";
import { plainProbabilities, plainTrees } from "../support/plain-trees.ts";

interface Drawn {
  readonly images: Uint8Array;
  readonly labels: Int32Array;
}

/** The class is the exclusive or of two bits: no single byte tells it, two together do. */
function exclusiveOr(count: number, seed: number): Drawn {
  const random = seededRandom(seed);
  const images = Uint8Array.from({ length: count * 16 }, () => randomBelow(random, 256));
  const labels = Int32Array.from(
    { length: count },
    (_, i) => (images[i * 16 + 3]! > 127 ? 1 : 0) ^ (images[i * 16 + 9]! > 127 ? 1 : 0),
  );
  return { images, labels };
}

/** Few values, constant columns, equal rows of several classes: all that a real set has, in a small one. */
function awkward(count: number, features: number, classes: number, values: number, seed: number): Drawn {
  const random = seededRandom(seed);
  const spread = Array.from({ length: features }, () => (randomBelow(random, 3) === 0 ? 1 : values));
  const images = Uint8Array.from({ length: count * features }, (_, i) =>
    randomBelow(random, spread[i % features]!),
  );
  for (let i = 0; i < count / 8; i++) {
    const [from, to] = [randomBelow(random, count), randomBelow(random, count)];
    images.copyWithin(to * features, from * features, (from + 1) * features);
  }
  return { images, labels: Int32Array.from({ length: count }, () => randomBelow(random, classes)) };
}

const options = (over: Partial<ExtraTreesOptions>): ExtraTreesOptions => ({
  classes: 2,
  trees: 5,
  seed: 1,
  ...over,
});

describe("extremely randomised trees", () => {
  describe.each(["counted", "skipped"] as const)("constants %s", (constants) => {
    it.each([
      [1, 16, 2, 256],
      [2, 5, 2, 2],
      [40, 16, 3, 4],
      [150, 64, 5, 256],
      [90, 100, 12, 3],
      [700, 24, 4, 30],
      [300, 784, 20, 256],
    ])(
      "are node by node those of the plain twin: %i rows of %i bytes, %i classes, %i values",
      async (...shape) => {
        const [rows, features, classes, values] = shape;
        for (const seed of [0, 7, 2 ** 40 + 3]) {
          const { images, labels } = awkward(rows, features, classes, values, rows + seed);
          const tries = Math.max(1, Math.floor(Math.sqrt(features)));
          const common = { classes, trees: 3, seed, constants };
          const grown = await growTrees(images, labels, common);
          expect(grown).toEqual(plainTrees(images, labels, { ...common, tries }));
          const asked = awkward(77, features, classes, values, seed).images;
          const probabilities = await treeProbabilities(grown, asked, features, { classes });
          expect([...probabilities]).toEqual(
            plainProbabilities(grown, asked, features, classes).flat().map(Math.fround),
          );
        }
      },
    );
  });

  const [train, test] = [exclusiveOr(1500, 5), exclusiveOr(500, 6)];

  it("learn what no single byte tells", async () => {
    const trees = await growTrees(train.images, train.labels, options({ trees: 60 }));
    const predictions = predictedClasses(await treeProbabilities(trees, test.images, 16, { classes: 2 }), 2);
    const correct = predictions.filter((prediction, i) => prediction === test.labels[i]).length;
    expect(correct / 500).toBeGreaterThan(0.8);
    expect(correct / 500).toBeLessThan(1);
  });

  it("are decided by the seed, and by nothing else: threads, pieces, what was asked for at once", async () => {
    const grow = (over: Partial<ExtraTreesOptions>) => growTrees(train.images, train.labels, options(over));
    const trees = await grow({ seed: 2 });
    expect(await grow({ seed: 3 })).not.toEqual(trees);
    for (const threads of [1, 2, 4]) {
      expect(await grow({ seed: 2, threads })).toEqual(trees);
      const probabilities = await treeProbabilities(trees, test.images, 16, { classes: 2, threads });
      expect(probabilities).toEqual(await treeProbabilities(trees, test.images, 16, { classes: 2 }));
    }
    expect(await grow({ seed: 2, grown: await grow({ seed: 2, trees: 2 }) })).toEqual(trees);
  });

  it("repeat the training labels on the training images", async () => {
    const trees = await growTrees(train.images, train.labels, options({ trees: 3 }));
    const probabilities = await treeProbabilities(trees, train.images, 16, { classes: 2 });
    expect(predictedClasses(probabilities, 2)).toEqual(train.labels);
  });

  it("share a leaf where images that are all alike have several labels", async () => {
    const trees = await growTrees(new Uint8Array(48), Int32Array.of(0, 1, 1), options({ classes: 3 }));
    const [first, second, third] = await treeProbabilities(trees, new Uint8Array(16), 16, { classes: 3 });
    expect(first).toBeCloseTo(1 / 3, 3);
    expect(second).toBeCloseTo(2 / 3, 3);
    expect(third).toBe(0);
    expect(first! + second!).toBe(1);
  });

  it("tell how far they are, and stop when they are aborted, at once where they need not begin", async () => {
    const done: number[] = [];
    await growTrees(
      train.images,
      train.labels,
      options({ trees: 20, onProgress: (count) => done.push(count) }),
    );
    expect(done.at(-1)).toBe(20);
    const controller = new AbortController();
    const { signal } = controller;
    const endless = growTrees(
      train.images,
      train.labels,
      options({ trees: 4096, signal, onProgress: () => controller.abort() }),
    );
    await expect(endless).rejects.toMatchObject({ code: "ERR_ABORTED" });
    await expect(growTrees(train.images, train.labels, options({ signal }))).rejects.toMatchObject({
      code: "ERR_ABORTED",
    });
  });

  it("leave the event loop alone", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const start = performance.now();
    await growTrees(train.images, train.labels, options({ trees: 400 }));
    clearInterval(timer);
    expect(turns).toBeGreaterThan((performance.now() - start) / 40);
  });
});

describe("what native code refuses", () => {
  const { growForest, askForest } = forestFunctions();
  const { jobControl } = nativeFunctions<JobFunctions>("jobControl");
  const good = {
    features: 16,
    classes: 2,
    first: 0,
    count: 1,
    seed: 1,
    tries: 4,
    skipConstants: false,
    threads: 1,
  };
  const grow = (images: Uint8Array, labels: Int32Array, over: object = {}) =>
    (async () => growForest(images, labels, { ...good, ...over }, jobControl()))();

  it.each<[string, Uint8Array, Int32Array, object]>([
    ["no images", new Uint8Array(), new Int32Array(), {}],
    ["bytes that are no whole image", new Uint8Array(17), new Int32Array(1), {}],
    ["a label below 0", new Uint8Array(16), Int32Array.of(-1), {}],
    ["a label beyond the classes", new Uint8Array(16), Int32Array.of(2), {}],
    ["no tree", new Uint8Array(16), new Int32Array(1), { count: 0 }],
    ["too many trees", new Uint8Array(16), new Int32Array(1), { count: 4097 }],
    ["no try", new Uint8Array(16), new Int32Array(1), { tries: 0 }],
    ["half a thread", new Uint8Array(16), new Int32Array(1), { threads: 0.5 }],
    ["a seed below 0", new Uint8Array(16), new Int32Array(1), { seed: -1 }],
  ])("growing: %s", async (_name, images, labels, over) => {
    await expect(grow(images, labels, over)).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
  });

  const leaf = {
    sizes: Int32Array.of(1, 0),
    child: Int32Array.of(-1),
    test: Int32Array.of(0),
    shares: new Int32Array(),
  };
  const split = {
    ...leaf,
    sizes: Int32Array.of(3, 0),
    child: Int32Array.of(1, -1, -2),
    test: Int32Array.of(0, 0, 0),
  };
  it.each<[string, object]>([
    ["no trees", { ...leaf, sizes: new Int32Array() }],
    ["an empty tree", { ...leaf, sizes: Int32Array.of(0, 0) }],
    ["sizes that do not add up", { ...leaf, sizes: Int32Array.of(2, 0) }],
    ["sizes below 0", { ...leaf, sizes: Int32Array.of(1, -1) }],
    ["a leaf of no class", { ...leaf, child: Int32Array.of(-3) }],
    ["a node that is its own child", { ...split, child: Int32Array.of(0, -1, -2) }],
    ["a child beyond the tree", { ...split, child: Int32Array.of(2, -1, -2) }],
    ["a feature beyond the image", { ...split, test: Int32Array.of(16 << 8, 0, 0) }],
    ["a test below 0", { ...split, test: Int32Array.of(-1, 0, 0) }],
    ["shares for no leaf", { ...leaf, shares: Int32Array.of(1, 2) }],
    ["shares out of range", { ...leaf, sizes: Int32Array.of(1, 1), shares: Int32Array.of(-1, 4097) }],
    ["arrays of another kind", { ...leaf, child: new Uint8Array(4) }],
    ["half an image", { images: new Uint8Array(8), ...leaf }],
  ])("asking: %s", async (_name, { images = new Uint8Array(16), ...trees }: { images?: Uint8Array }) => {
    const options = { features: 16, classes: 2, threads: 1 };
    const asked = async () => askForest(trees as typeof leaf, images, options, jobControl());
    await expect(asked()).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
  });

  it("takes what is right", async () => {
    const options = { features: 16, classes: 2, threads: 1 };
    const image = new Uint8Array(16);
    expect([...(await askForest(split, image, options, jobControl()))]).toEqual([1, 0]);
    expect([...(await askForest(split, image.fill(1), options, jobControl()))]).toEqual([0, 1]);
    expect((await askForest(leaf, new Uint8Array(), options, jobControl())).length).toBe(0);
  });
});
