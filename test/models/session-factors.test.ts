// Sums of words' vectors and what is made of them, held to plain twins.
import { expect, test } from "vitest";
import { MAX_WHOLE } from "../../bindings/capture/words.ts";
import { randomBelow, seededRandom } from "../../src/dataset/random.ts";
import {
  fitTables,
  HEAD,
  relativeFactors,
  sessionSums,
  unitFactors,
} from "../../src/models/session-factors.ts";

const DIMENSIONS = 6;
const random = seededRandom(2);
const images = Uint8Array.from({ length: 50 * 784 }, (_, i) =>
  i % 784 < 120 ? 10 * randomBelow(random, 25) : 0,
);
const rows = Uint32Array.from({ length: 50 }, (_, row) => row);

test("sums: of each table pairs, then places; whole numbers, as a plain loop adds them up", async () => {
  const tables = [
    await fitTables(images, rows, { dimensions: DIMENSIONS, seed: 1 }),
    await fitTables(images, rows.subarray(0, 20), { dimensions: DIMENSIONS, seed: 1 }),
  ];
  const kinds = tables.flatMap(({ pairs, places }) => [
    {
      table: pairs,
      words: (image: Uint8Array) => Array.from({ length: 783 }, (_, p) => image[p]! * 256 + image[p + 1]!),
    },
    {
      table: places,
      words: (image: Uint8Array) => Array.from({ length: HEAD }, (_, p) => p * 256 + image[p]!),
    },
  ]);
  const wanted = [...rows].flatMap((row) =>
    kinds.flatMap(({ table, words }) => {
      const sums = new Array<number>(DIMENSIONS).fill(0);
      for (const word of words(images.subarray(row * 784, row * 784 + 784))) {
        const at = table.words.indexOf(word);
        for (let j = 0; at >= 0 && j < DIMENSIONS; j++) sums[j]! += table.vectors[at * DIMENSIONS + j]!;
      }
      return sums;
    }),
  );
  const found = await sessionSums(images, tables, { dimensions: DIMENSIONS });
  expect([...found]).toEqual(wanted);
  expect(found.every(Number.isInteger)).toBe(true);
  for (const { table } of kinds) {
    expect(table.vectors.every((value) => Number.isInteger(value) && !Object.is(value, -0))).toBe(true);
    expect(table.vectors.reduce((most, value) => Math.max(most, Math.abs(value)), 0)).toBe(MAX_WHOLE);
  }
});

test("each kind is scaled by itself: to unit length, or to a greatest magnitude of 1; zeros stay", () => {
  const sums = Float32Array.of(3, -4, 0, 0, 5, 12, -7, 1);
  expect([...unitFactors(sums, 2)]).toEqual(
    [3 / 5, -4 / 5, 0, 0, 5 / 13, 12 / 13, -7 / Math.sqrt(50), 1 / Math.sqrt(50)].map(Math.fround),
  );
  expect([...relativeFactors(sums, 2)]).toEqual([3 / 4, -1, 0, 0, 5 / 12, 1, -1, 1 / 7].map(Math.fround));
});
