import { expect, test } from "vitest";
import { crossFit, dealFolds, type FitFold } from "../../src/models/cross-fit.ts";

/** A model that knows which images it has seen, whose first four bytes are a number; it answers twice. */
function watching(fits: number[] = []): FitFold {
  return async (images, labels) => {
    const numbersOf = (rows: Uint8Array) =>
      new Uint32Array(rows.slice().buffer).filter((_, i) => i % 196 === 0);
    const seen = new Set(numbersOf(images));
    fits.push(labels.length);
    return async (asked) => {
      const numbers = [...numbersOf(asked)];
      return [
        Float32Array.from(numbers.flatMap((n) => [Number(seen.has(n)), n])),
        Float32Array.from(numbers.flatMap((n) => [-n, 0])),
      ];
    };
  };
}

function request(labels: Int32Array) {
  const numbers = new Uint32Array(labels.length * 196);
  for (let i = 0; i < labels.length; i++) numbers[i * 196] = i;
  return {
    images: new Uint8Array(numbers.buffer),
    labels,
    classes: 2,
    seed: 4,
  };
}

test("each row is asked once, of a model that has not seen it", async () => {
  const labels = Int32Array.from({ length: 103 }, (_, i) => Number(i % 3 === 0));
  const fits: number[] = [];
  const found = await crossFit(watching(fits), request(labels));
  const rows = Array.from({ length: 103 }, (_, i) => ({
    seen: found.answers[0]![2 * i],
    number: found.answers[0]![2 * i + 1]!,
  }));
  expect([...found.answers[1]!.filter((_, i) => i % 2 === 0)]).toEqual(rows.map(({ number }) => -number));
  expect(rows.every(({ seen }) => seen === 0)).toBe(true);
  expect(rows.map(({ number }) => number).sort((a, b) => a - b)).toEqual([...labels.keys()]);
  expect([...found.labels]).toEqual(rows.map(({ number }) => labels[number]));
  expect(fits).toHaveLength(10);
  expect(Math.max(...fits) - Math.min(...fits)).toBeLessThanOrEqual(1);
  expect(await crossFit(watching(), request(labels))).toEqual(found);
});

test("the only row of a class is never held back, and without two rows of any nothing is asked", async () => {
  const one = await crossFit(watching(), request(Int32Array.of(0, 1, 1, 1)));
  expect([...one.labels]).toEqual([1, 1, 1]);
  expect((await crossFit(watching(), request(Int32Array.of(0, 1)))).labels).toHaveLength(0);
});

test("of many rows some folds are enough, and every fold has its share of each class", async () => {
  const labels = Int32Array.from({ length: 6000 }, (_, i) => Number(i % 4 === 0));
  const fits: number[] = [];
  const found = await crossFit(watching(fits), request(labels));
  expect(fits).toEqual([4800, 4800]);
  expect(found.labels).toHaveLength(2400);
  const folds = dealFolds(labels, 2, 1).map((fold) => fold.filter((i) => labels[i] === 1).length);
  expect(folds).toEqual([300, 300, 300, 300, 300]);
  expect(dealFolds(labels, 2, 1)).not.toEqual(dealFolds(labels, 2, 2));
});
