// What a session shares with others, as numbers: latent semantic analyses of two kinds of words, adjacent byte pairs wherever
// they stand (a certificate, a host name, a protocol's constants) and the first bytes where they stand (headers). Learned
// from sessions without labels; the factors of both kinds stand side by side.
//
// Tables hold whole numbers, so that a session's sums are exact: native code, JavaScript and ONNX Runtime get the same bits,
// and trees may split on what is computed of them (tree-factors.ts).

import {
  fitWordTable,
  type WordSumsOptions,
  type WordTable,
  type WordTableOptions,
  wordSums,
} from "../../bindings/capture/words.ts";

/** First bytes that are words with their positions: of the last one's weight, exp(-p / 10), a sixth of a per cent is left. */
export const HEAD = 64;

/** Both of D dimensions. */
export interface FactorTables {
  /** Of pairs: first byte * 256 + second byte. */
  readonly pairs: WordTable;
  /** Of places: position * 256 + byte, positions below HEAD. */
  readonly places: WordTable;
}

/**
 * @param images uint8 [N, 784]
 * @param rows of them, the sessions that are learned from; MAX_FIT_SESSIONS at most
 * @throws ERR_ARGUMENT, ERR_ABORTED, ERR_ADDON_MISSING
 */
export async function fitTables(
  images: Uint8Array,
  rows: Uint32Array,
  options: Omit<WordTableOptions, "positions">,
): Promise<FactorTables> {
  return {
    pairs: await fitWordTable(images, rows, options),
    places: await fitWordTable(images, rows, { ...options, positions: HEAD }),
  };
}

/**
 * @param images uint8 [N, 784]
 * @param all T tables of D = `dimensions` each
 * @returns float32 [N, 2 T D]: of each table the sums of the vectors of pairs, then of places; whole numbers
 * @throws ERR_ARGUMENT, ERR_ABORTED, ERR_ADDON_MISSING
 */
export async function sessionSums(
  images: Uint8Array,
  all: readonly FactorTables[],
  options: Omit<WordSumsOptions, "positions">,
): Promise<Float32Array> {
  const kinds: Float32Array[] = [];
  for (const { pairs, places } of all) {
    kinds.push(await wordSums(images, pairs, options));
    kinds.push(await wordSums(images, places, { ...options, positions: HEAD }));
  }
  const { dimensions } = options;
  const width = kinds.length * dimensions;
  const sums = new Float32Array(kinds.reduce((total, { length }) => total + length, 0));
  for (const [kind, own] of kinds.entries()) {
    for (let row = 0; row * dimensions < own.length; row++) {
      sums.set(own.subarray(row * dimensions, (row + 1) * dimensions), row * width + kind * dimensions);
    }
  }
  return sums;
}

/**
 * For linear classifiers: each kind's factors scaled to unit length, or zeros.
 * @param sums float32 [N, kinds * dimensions], as sessionSums gives them
 * @returns float32 [N, kinds * dimensions]
 */
export function unitFactors(sums: Float32Array, dimensions: number): Float32Array {
  return scaled(sums, dimensions, (own) => {
    let squares = 0;
    for (const sum of own) squares += sum * sum;
    return Math.sqrt(squares);
  });
}

/**
 * For trees: each kind's factors over the greatest magnitude among them, or zeros. One division of whole numbers, so the same
 * bits wherever it is done.
 * @param sums float32 [N, kinds * dimensions], as sessionSums gives them
 * @returns float32 [N, kinds * dimensions], from -1 to 1
 */
export function relativeFactors(sums: Float32Array, dimensions: number): Float32Array {
  return scaled(sums, dimensions, (own) => {
    let greatest = 0;
    for (const sum of own) greatest = Math.max(greatest, Math.abs(sum));
    return greatest;
  });
}

function scaled(sums: Float32Array, dimensions: number, scale: (own: Float32Array) => number): Float32Array {
  const factors = new Float32Array(sums.length);
  for (let at = 0; at < sums.length; at += dimensions) {
    const own = sums.subarray(at, at + dimensions);
    // Sums are whole numbers: without a known word they are 0, and stay 0 over 1.
    const divisor = Math.max(1, scale(own));
    for (let j = 0; j < dimensions; j++) factors[at + j] = own[j]! / divisor;
  }
  return factors;
}
