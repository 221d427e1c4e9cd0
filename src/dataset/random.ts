// Seeded randomness of datasets, splits and baselines: one generator, one shuffle. The same seed gives the same rows on
// every machine.
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";
import { invalidArgument } from "../../bindings/errors.ts";

export type Random = RandomGenerator;

/** A generator for one purpose: `stream` keeps, say, the test part unmoved when the number of labels changes. */
export function seededRandom(seed: number, stream = 0): Random {
  if (!Number.isSafeInteger(seed)) throw invalidArgument("seed", "an integer", seed);
  const high = Math.floor(seed / 2 ** 32) | 0;
  return xoroshiro128plus(mix(mix(mix(seed | 0) ^ high) ^ stream));
}

/** MurmurHash3's finalizer: neighbouring seeds must not give neighbouring generator states. */
function mix(value: number): number {
  let h = value ^ 0x9e3779b9;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Integer in [0, bound). */
export function randomBelow(random: Random, bound: number): number {
  return uniformInt(random, 0, bound - 1);
}

/** Fisher-Yates shuffle, in place. */
export function shuffle<T extends Uint32Array | number[] | string[]>(items: T, random: Random): T {
  for (let i = items.length - 1; i > 0; i--) {
    const j = randomBelow(random, i + 1);
    const held = items[i]!;
    items[i] = items[j]!;
    items[j] = held;
  }
  return items;
}
