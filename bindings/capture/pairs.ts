// Latent semantic analysis of the words of sessions (native/core/pairs), which are adjacent byte pairs or bytes where they
// stand: a vector for each word, learned without labels, and the sum of its words' vectors for each session. Off the calling
// thread; arguments are copied before a call returns.
import { invalidArgument } from "../errors.ts";
import { type JobControl, MAX_THREADS, nativeFunctions, runJob } from "./job.ts";

/** Rows of a table: pairs (first byte * 256 + second byte), or positions (position * 256 + byte). */
export const WORDS = 65536;
const SESSION_BYTES = 784;
/** Dimensions of a table, at most. */
export const MAX_DIMENSIONS = 256;
/** Positions whose bytes can be words. */
export const MAX_POSITIONS = 256;
/** Sessions that a table is fitted to, at most. */
export const MAX_FIT_SESSIONS = 65536;

export interface WordOptions {
  /**
   * 0, the default: words are adjacent byte pairs, wherever they stand. Otherwise they are the bytes at so many first
   * positions, MAX_POSITIONS at most, each with its position.
   */
  readonly positions?: number | undefined;
}

export interface PairTableOptions extends WordOptions {
  /** Numbers of a word's vector, 128 by default; 1 to MAX_DIMENSIONS. */
  readonly dimensions?: number | undefined;
  /** Of the random directions that the factorisation begins with. A whole number, 0 or more. */
  readonly seed: number;
  /** 1 by default, 64 at most; the table is the same with any number. */
  readonly threads?: number | undefined;
  /** ERR_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

export interface PairFunctions {
  fitPairTable(
    images: Uint8Array,
    rows: Uint32Array,
    options: {
      readonly dimensions: number;
      readonly seed: number;
      readonly positions: number;
      readonly threads: number;
    },
    control: JobControl,
  ): Promise<Float32Array>;
  pairFactors(
    images: Uint8Array,
    table: Float32Array,
    options: { readonly positions: number; readonly threads: number },
    control: JobControl,
  ): Promise<Float32Array>;
}

/**
 * The vectors of all words: the greatest singular vectors of the matrix of sessions by words (counts of words, the pair
 * (0, 0) left out, weighted by ln(sessions / sessions that hold the word), that of a byte at position p also by
 * exp(-p / 10), since headers come first; each session scaled to unit length; words that one session or half of the
 * sessions hold are left out), over the square root of their singular values, times that weight. Words left out, and
 * dimensions beyond the rank, are zeros.
 * @param images uint8 [N, 784]
 * @param rows uint32 [R]: those that count, 1 to MAX_FIT_SESSIONS; a session may come twice
 * @returns float32 [WORDS, dimensions]
 * @throws ERR_ARGUMENT, ERR_ABORTED, ERR_ADDON_MISSING
 */
export async function fitPairTable(
  images: Uint8Array,
  rows: Uint32Array,
  { dimensions = 128, seed, positions = 0, threads = 1, signal }: PairTableOptions,
): Promise<Float32Array> {
  checkImages(images);
  checkInteger("dimensions", dimensions, 1, MAX_DIMENSIONS);
  checkInteger("seed", seed, 0, Number.MAX_SAFE_INTEGER);
  checkInteger("positions", positions, 0, MAX_POSITIONS);
  checkInteger("threads", threads, 1, MAX_THREADS);
  if (rows.length < 1 || rows.length > MAX_FIT_SESSIONS) {
    throw invalidArgument("rows", `1 to ${MAX_FIT_SESSIONS} numbers of images`, rows.length);
  }
  const sessions = images.length / SESSION_BYTES;
  const strange = rows.find((row) => row >= sessions);
  if (strange !== undefined)
    throw invalidArgument("rows", `below the number of images, ${sessions}`, strange);
  return runJob({ signal }, (control) =>
    pairFunctions().fitPairTable(images, rows, { dimensions, seed, positions, threads }, control),
  );
}

export interface PairFactorsOptions extends WordOptions {
  /** 1 by default, 64 at most. */
  readonly threads?: number | undefined;
  /** ERR_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Each session's sum of the vectors of its words, scaled to unit length; zeros where the table knows none of them.
 * @param images uint8 [N, 784]
 * @param table float32 [WORDS, dimensions], fitted to the same kind of words
 * @returns float32 [N, dimensions]
 * @throws ERR_ARGUMENT, ERR_ABORTED, ERR_ADDON_MISSING
 */
export async function pairFactors(
  images: Uint8Array,
  table: Float32Array,
  { positions = 0, threads = 1, signal }: PairFactorsOptions = {},
): Promise<Float32Array> {
  checkImages(images);
  checkInteger("positions", positions, 0, MAX_POSITIONS);
  checkInteger("threads", threads, 1, MAX_THREADS);
  if (table.length === 0 || table.length % WORDS !== 0) {
    throw invalidArgument("table", `a multiple of ${WORDS} numbers`, table.length);
  }
  return runJob({ signal }, (control) =>
    pairFunctions().pairFactors(images, table, { positions, threads }, control),
  );
}

const pairFunctions = () => nativeFunctions<PairFunctions>("fitPairTable");

function checkImages(images: Uint8Array): void {
  if (images.length % SESSION_BYTES !== 0) {
    throw invalidArgument("images", `a multiple of ${SESSION_BYTES} bytes`, images.length);
  }
}

function checkInteger(name: string, value: number, least: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw invalidArgument(name, `an integer from ${least} to ${most}`, value);
  }
}
