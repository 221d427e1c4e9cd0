// What a session shares with others, as numbers: latent semantic analyses of two kinds of words, adjacent byte pairs wherever
// they stand (a certificate, a host name, a protocol's constants) and the first bytes where they stand (headers). Learned
// from sessions without labels; the factors of both stand side by side.

import {
  fitPairTable,
  type PairFactorsOptions,
  type PairTableOptions,
  pairFactors,
  WORDS,
} from "../../bindings/capture/pairs.ts";

/** First bytes that are words with their positions: of the last one's weight, exp(-p / 10), a sixth of a per cent is left. */
export const HEAD = 64;

export interface FactorTables {
  /** float32 [65536, D]: of pairs, first byte * 256 + second byte. */
  readonly pairs: Float32Array;
  /** float32 [65536, D]: of places, position * 256 + byte; zeros from HEAD * 256 on. */
  readonly places: Float32Array;
}

/**
 * @param images uint8 [N, 784]
 * @param rows of them, the sessions that are learned from; MAX_FIT_SESSIONS at most
 * @throws ERR_ARGUMENT, ERR_ABORTED, ERR_ADDON_MISSING
 */
export async function fitTables(
  images: Uint8Array,
  rows: Uint32Array,
  options: Omit<PairTableOptions, "positions">,
): Promise<FactorTables> {
  return {
    pairs: await fitPairTable(images, rows, options),
    places: await fitPairTable(images, rows, { ...options, positions: HEAD }),
  };
}

/**
 * @param images uint8 [N, 784]
 * @returns float32 [N, 2 D]: of pairs, then of places, each of unit length or zeros
 * @throws ERR_ARGUMENT, ERR_ABORTED, ERR_ADDON_MISSING
 */
export async function sessionFactors(
  images: Uint8Array,
  { pairs, places }: FactorTables,
  options: Omit<PairFactorsOptions, "positions"> = {},
): Promise<Float32Array> {
  const byPair = await pairFactors(images, pairs, options);
  const byPlace = await pairFactors(images, places, { ...options, positions: HEAD });
  const width = pairs.length / WORDS;
  const factors = new Float32Array(2 * byPair.length);
  for (let at = 0; at < byPair.length; at += width) {
    factors.set(byPair.subarray(at, at + width), 2 * at);
    factors.set(byPlace.subarray(at, at + width), 2 * at + width);
  }
  return factors;
}
