// Pair tables and logistic regression from JavaScript. What they compute is held to plain twins in test/native; here to
// scikit-learn, and to what a caller may do wrong.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fitLogistic } from "../../bindings/capture/logistic.ts";
import { fitWordTable, type WordTable, wordSums } from "../../bindings/capture/words.ts";
import { randomBelow, seededRandom } from "../../src/dataset/random.ts";

interface Golden {
  width: number;
  classes: number;
  features: number[];
  labels: number[];
  models: { penalty: number; weight: number[]; bias: number[]; probabilities: number[] }[];
}
const golden = JSON.parse(readFileSync(new URL("./golden/logistic.json", import.meta.url), "utf8")) as Golden;

const random = seededRandom(3);
const images = Uint8Array.from({ length: 60 * 784 }, (_, i) =>
  i % 784 < 90 ? 16 * randomBelow(random, 12) : 0,
);
const rows = Uint32Array.from({ length: 60 }, (_, row) => row);

const NO_WORDS: WordTable = { words: new Int32Array(), vectors: new Float32Array() };

describe("logistic regression", () => {
  const features = Float32Array.from(golden.features);
  const labels = Int32Array.from(golden.labels);
  const { classes, width } = golden;

  test.each(golden.models)(
    "is scikit-learn's, C = $penalty",
    async ({ penalty, weight, bias, probabilities }) => {
      const model = await fitLogistic(features, labels, { classes, penalty, tolerance: 1e-7 });
      expect(model.converged).toBe(true);
      const far = (found: Float32Array, wanted: number[]) =>
        Math.max(...wanted.map((value, i) => Math.abs(value - found[i]!)));
      expect(far(model.weight, weight)).toBeLessThan(2e-5);
      expect(far(model.bias, bias)).toBeLessThan(2e-5);
      for (let row = 0; row < 6; row++) {
        const powers = Array.from({ length: classes }, (_, label) => {
          let logit = model.bias[label]!;
          for (let f = 0; f < width; f++)
            logit += model.weight[label * width + f]! * features[row * width + f]!;
          return Math.exp(logit);
        });
        const sum = powers.reduce((total, power) => total + power, 0);
        for (const [label, power] of powers.entries())
          expect(power / sum).toBeCloseTo(probabilities[row * classes + label]!, 5);
      }
    },
  );

  test("says what is wrong with its arguments", async () => {
    const learn = (over: object, l = labels, f = features) => fitLogistic(f, l, { classes, ...over });
    const refused = (found: Promise<unknown>, message: string) =>
      expect(found).rejects.toMatchObject({
        code: "ERR_ARGUMENT",
        message: expect.stringContaining(message),
      });
    await refused(learn({ classes: 1 }), "Expected classes to be an integer from 2 to 1024 but received 1");
    await refused(
      learn({ classes: 3 }),
      "Expected labels to be from 0 to 2, as there are 3 classes but received 3",
    );
    await refused(learn({ penalty: 0 }), "Expected penalty to be a positive number but received 0");
    await refused(learn({ tolerance: Number.NaN }), "Expected tolerance");
    await refused(learn({ threads: 65 }), "Expected threads to be an integer from 1 to 64");
    await refused(learn({}, labels.subarray(1)), "Expected features to be rows of 1 to 4096 numbers");
    await refused(learn({}, new Int32Array()), "Expected features");
    await refused(
      learn(
        {},
        labels,
        features.map((x, i) => (i === 4 ? Number.NaN : x)),
      ),
      "finite",
    );
  });

  test("can be stopped", async () => {
    await expect(
      fitLogistic(features, labels, { classes, signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({
      code: "ERR_ABORTED",
    });
    const controller = new AbortController();
    const many = new Float32Array(20_000 * 64).map((_, i) => (i * i) % 7);
    const running = fitLogistic(
      many,
      Int32Array.from({ length: 20_000 }, (_, i) => (i * i) % 50),
      { classes: 50, penalty: 1e6, tolerance: 1e-15, iterations: 1_000_000, signal: controller.signal },
    );
    setTimeout(() => controller.abort(), 20);
    await expect(running).rejects.toMatchObject({ code: "ERR_ABORTED" });
  });
});

describe("pair tables", () => {
  const same = (a: WordTable, b: WordTable) =>
    Buffer.from(a.words.buffer).equals(Buffer.from(b.words.buffer)) &&
    Buffer.from(a.vectors.buffer).equals(Buffer.from(b.vectors.buffer));

  test("are the same with any number of threads, and so are sums", async () => {
    const table = await fitWordTable(images, rows, { dimensions: 8, seed: 1 });
    expect(table.words.length).toBeGreaterThan(10);
    expect(table.words.every((word, i) => i === 0 || word > table.words[i - 1]!)).toBe(true);
    expect(table.vectors.length).toBe(table.words.length * 8);
    expect(same(await fitWordTable(images, rows, { dimensions: 8, seed: 1, threads: 3 }), table)).toBe(true);
    const sums = await wordSums(images, table, { dimensions: 8 });
    expect(sums.length).toBe(60 * 8);
    expect(await wordSums(images, table, { dimensions: 8, threads: 3 })).toEqual(sums);
    expect(sums.some((sum) => sum !== 0)).toBe(true);
  });

  test("are fitted to the rows that are asked for", async () => {
    const some = Uint32Array.from([3, 5, 8, 13, 21, 34, 55, 2, 1]);
    const own = new Uint8Array(some.length * 784);
    for (const [i, row] of some.entries()) own.set(images.subarray(row * 784, row * 784 + 784), i * 784);
    const [table, again] = await Promise.all([
      fitWordTable(images, some, { dimensions: 5, seed: 1 }),
      fitWordTable(own, Uint32Array.from(some.keys()), { dimensions: 5, seed: 1 }),
    ]);
    expect(same(again, table)).toBe(true);
    expect(table.vectors.some((value) => value !== 0)).toBe(true);
  });

  test("say what is wrong with their arguments", async () => {
    const refused = (found: Promise<unknown>, message: string) =>
      expect(found).rejects.toMatchObject({
        code: "ERR_ARGUMENT",
        message: expect.stringContaining(message),
      });
    await refused(fitWordTable(images.subarray(1), rows, { seed: 1 }), "a multiple of 784 bytes");
    await refused(fitWordTable(images, Uint32Array.of(60), { seed: 1 }), "below the number of images, 60");
    await refused(fitWordTable(images, new Uint32Array(), { seed: 1 }), "Expected rows to be 1 to 65536");
    await refused(fitWordTable(images, rows, { seed: 1, dimensions: 257 }), "an integer from 1 to 256");
    await refused(fitWordTable(images, rows, { seed: -1 }), "Expected seed");
    const table = { words: Int32Array.of(5, 65536), vectors: new Float32Array(6) };
    await refused(
      wordSums(images, table, { dimensions: 4 }),
      "the table's vectors to be 8 numbers but received 6",
    );
    await refused(wordSums(images, table, { dimensions: 3 }), "Expected words from 0 to 65535");
    await refused(wordSums(images.subarray(5), NO_WORDS, { dimensions: 3 }), "a multiple of 784 bytes");
    expect(await wordSums(images.subarray(0, 784), NO_WORDS, { dimensions: 3 })).toEqual(new Float32Array(3));
  });

  test("can be stopped", async () => {
    const signal = AbortSignal.abort();
    await expect(fitWordTable(images, rows, { seed: 1, signal })).rejects.toMatchObject({
      code: "ERR_ABORTED",
    });
    await expect(wordSums(images, NO_WORDS, { dimensions: 3, signal })).rejects.toMatchObject({
      code: "ERR_ABORTED",
    });
  });
});
