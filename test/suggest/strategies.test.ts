import { describe, expect, test } from "vitest";
import { randomBelow, seededRandom } from "../../src/dataset/random.ts";
import { bytesApart } from "../../src/suggest/byte-distance.ts";
import { entropyDoubt, largest, marginDoubt } from "../../src/suggest/doubt.ts";
import { findStrategy, STRATEGIES } from "../../src/suggest/registry.ts";
import { SKETCH_LENGTH, sketches, sketchesApart } from "../../src/suggest/sketch.ts";
import type { Candidates } from "../../src/suggest/strategy.ts";

const pause = async () => undefined;
const NONE = new Uint8Array();

/** `groups` kinds of images, `each` of a kind: its own bytes, but for twenty at random. */
function grouped(groups: number, each: number, seed = 1): Uint8Array {
  const random = seededRandom(seed);
  const images = new Uint8Array(groups * each * 784);
  for (let row = 0; row < groups * each; row++) {
    const kind = seededRandom(1000 + Math.floor(row / each));
    for (let k = 0; k < 784; k++) images[row * 784 + k] = randomBelow(kind, 256);
    for (let k = 0; k < 20; k++) images[row * 784 + randomBelow(random, 784)] = randomBelow(random, 256);
  }
  return images;
}

function candidates(over: Partial<Candidates> = {}): Candidates {
  const images = over.images ?? grouped(6, 10);
  const count = images.length / 784;
  const random = seededRandom(7);
  const probabilities = new Float32Array(count * 3);
  for (let row = 0; row < count; row++) {
    const parts = [1, 2, 3].map(() => 1 + randomBelow(random, 100));
    const sum = parts.reduce((a, b) => a + b, 0);
    for (const [k, part] of parts.entries()) probabilities[row * 3 + k] = part / sum;
  }
  return { count, images, probabilities, classes: 3, known: NONE, ...over };
}

const choose = async (name: string, given: Candidates, n: number, seed = 1) => [
  ...(await findStrategy(name).choose(given, n, seededRandom(seed), pause)),
];

describe.each(STRATEGIES.map(({ name }) => name))("%s", (name) => {
  test.each([1, 7, 60])("chooses %i different sessions, and the same ones again", async (n) => {
    const given = candidates();
    const before = given.images.slice();
    const chosen = await choose(name, given, n);
    expect(chosen).toHaveLength(n);
    expect(new Set(chosen).size).toBe(n);
    expect(chosen.every((row) => Number.isInteger(row) && row >= 0 && row < 60)).toBe(true);
    expect(await choose(name, given, n)).toEqual(chosen);
    expect(given.images).toEqual(before);
  });

  test("works where all are alike, and beside labelled images", async () => {
    const alike = candidates({
      images: new Uint8Array(9 * 784),
      probabilities: new Float32Array(27).fill(1 / 3),
      known: new Uint8Array(3 * 784),
    });
    expect(new Set(await choose(name, alike, 9)).size).toBe(9);
  });

  test("gives way, and so can be stopped", async () => {
    const stopped = findStrategy(name).choose(candidates(), 30, seededRandom(1), async () => {
      throw new Error("stopped");
    });
    if (["random", "margin", "entropy"].includes(name)) await expect(stopped).resolves.toHaveLength(30);
    else await expect(stopped).rejects.toThrow("stopped");
  });
});

describe("doubt", () => {
  const given = candidates({
    images: new Uint8Array(4 * 784),
    probabilities: Float32Array.from([1, 0, 0, 0.5, 0.5, 0, 0.4, 0.3, 0.3, 0.6, 0.2, 0.2]),
  });

  test("is the margin between the two best, or the entropy", async () => {
    for (const [i, expected] of [0, 1, 0.9, 0.6].entries())
      expect(marginDoubt(given)[i]).toBeCloseTo(expected, 6);
    for (const [i, expected] of [0, Math.log(2), 1.0889, 0.9503].entries())
      expect(entropyDoubt(given)[i]).toBeCloseTo(expected, 3);
    expect(await choose("margin", given, 2)).toEqual([1, 2]);
    expect(await choose("entropy", given, 2)).toEqual([2, 3]);
  });

  test("of equal ones the first are taken", () => {
    expect([...largest(Float64Array.of(1, 3, 3, 2), 3)]).toEqual([1, 2, 3]);
  });
});

describe("unlike each other", () => {
  const kinds = (rows: number[]) => new Set(rows.map((row) => Math.floor(row / 10))).size;

  test.each(["core-set", "typical"])("%s takes one of each kind before a second", async (name) => {
    for (const seed of [1, 2, 3]) expect(kinds(await choose(name, candidates(), 6, seed))).toBe(6);
    // A control: chance does not.
    const byChance = await Promise.all([1, 2, 3].map((seed) => choose("random", candidates(), 6, seed)));
    expect(Math.min(...byChance.map(kinds))).toBeLessThan(6);
  });

  test.each(["core-set", "typical"])("%s passes over kinds that are labelled", async (name) => {
    const images = grouped(6, 10);
    const known = grouped(6, 10, 9).slice(0, 20 * 784); // kinds 0 and 1, other images
    const chosen = await choose(name, candidates({ images, known }), 4);
    expect(chosen.filter((row) => row < 20)).toEqual([]);
    // typical clusters sessions that are labelled too, and may merge two kinds
    expect(kinds(chosen)).toBeGreaterThanOrEqual(name === "typical" ? 3 : 4);
  });

  test("badge leaves alone what the model is certain of, and does not ask twice about the same", async () => {
    const images = grouped(3, 10);
    // Kind 0: certain. Kinds 1 and 2: unsure between other classes.
    const rows = [
      [1, 0, 0],
      [0.5, 0.5, 0],
      [0, 0.5, 0.5],
    ];
    const probabilities = Float32Array.from({ length: 90 }, (_, at) => rows[Math.floor(at / 30)]![at % 3]!);
    for (const seed of [1, 2, 3, 4]) {
      const chosen = await choose("badge", candidates({ images, probabilities }), 2, seed);
      expect(chosen.map((row) => Math.floor(row / 10)).sort()).toEqual([1, 2]);
    }
  });
});

test("distances of sketches follow those of bytes", async () => {
  const images = grouped(4, 5);
  const vectors = await sketches(images, pause);
  expect(vectors).toHaveLength(20 * SKETCH_LENGTH);
  expect(bytesApart(images, 0, images, 0)).toBe(0);
  const own = Array.from(
    { length: 4 },
    (_, i) => [i + 1, sketchesApart(vectors, 0, vectors, i + 1)] as const,
  );
  const others = Array.from(
    { length: 15 },
    (_, i) => [i + 5, sketchesApart(vectors, 0, vectors, i + 5)] as const,
  );
  for (const [row] of own) expect(bytesApart(images, 0, images, row)).toBeLessThanOrEqual(40);
  for (const [row] of others) expect(bytesApart(images, 0, images, row)).toBeGreaterThan(700);
  expect(Math.max(...own.map(([, d]) => d))).toBeLessThan(0.25 * Math.min(...others.map(([, d]) => d)));
});

test("an unknown name is refused with those there are", () => {
  expect(() => findStrategy("luck")).toThrow(/one of badge, .*random.* but received "luck"/);
});
