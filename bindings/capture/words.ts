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

export interface WordTableOptions extends WordOptions {
  /** Numbers of a word's vector, 128 by default; 1 to MAX_DIMENSIONS. */
  readonly dimensions?: number | undefined;
  /** Of the random directions that the factorisation begins with. A whole number, 0 or more. */
  readonly seed: number;
  /** 1 by default, 64 at most; the table is the same with any number. */
  readonly threads?: number | undefined;
  /** ERR_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/** Vectors of words; those of other words are zeros. */
export interface WordTable {
  /** int32 [W], ascending: 0 to WORDS - 1. */
  readonly words: Int32Array;
  /** float32 [W, dimensions]; whole numbers, MAX_WHOLE at most, so that sums of them are exact in float32. */
  readonly vectors: Float32Array;
}

/** 783 whole numbers up to this add up to less than 2^24. */
export const MAX_WHOLE = 2 ** 14;

export interface WordTableFunctions {
  fitWordTable(
    images: Uint8Array,
    rows: Uint32Array,
    options: {
      readonly dimensions: number;
      readonly seed: number;
      readonly positions: number;
      readonly threads: number;
    },
    control: JobControl,
  ): Promise<WordTable>;
  wordSums(
    images: Uint8Array,
    table: WordTable,
    options: { readonly dimensions: number; readonly positions: number; readonly threads: number },
    control: JobControl,
  ): Promise<Float32Array>;
}

/**
 * The greatest singular vectors of the matrix of sessions by words (counts of words, the pair (0, 0) left out, weighted by
 * ln(sessions / sessions that hold the word), that of a byte at position p also by exp(-p / 10), since headers come first;
 * each session scaled to unit length; words that one session or half of the sessions hold are left out), over the square root
 * of their singular values, times that weight; scaled to whole numbers. Dimensions beyond the rank are zeros.
 * @param images uint8 [N, 784]
 * @param rows uint32 [R]: those that count, 1 to MAX_FIT_SESSIONS; a session may come twice
 * @throws ERR_ARGUMENT, ERR_ABORTED, ERR_ADDON_MISSING
 */
export async function fitWordTable(
  images: Uint8Array,
  rows: Uint32Array,
  { dimensions = 128, seed, positions = 0, threads = 1, signal }: WordTableOptions,
): Promise<WordTable> {
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
    wordTableFunctions().fitWordTable(images, rows, { dimensions, seed, positions, threads }, control),
  );
}

export interface WordSumsOptions extends WordOptions {
  /** Of the table's vectors. */
  readonly dimensions: number;
  /** 1 by default, 64 at most. */
  readonly threads?: number | undefined;
  /** ERR_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Each session's sum of the vectors of its words; zeros where the table knows none of them. Exact, whoever adds them up.
 * @param images uint8 [N, 784]
 * @param table fitted to the same kind of words
 * @returns float32 [N, dimensions], whole numbers
 * @throws ERR_ARGUMENT, ERR_ABORTED, ERR_ADDON_MISSING
 */
export async function wordSums(
  images: Uint8Array,
  table: WordTable,
  { dimensions, positions = 0, threads = 1, signal }: WordSumsOptions,
): Promise<Float32Array> {
  checkImages(images);
  checkInteger("dimensions", dimensions, 1, MAX_DIMENSIONS);
  checkInteger("positions", positions, 0, MAX_POSITIONS);
  checkInteger("threads", threads, 1, MAX_THREADS);
  const expected = table.words.length * dimensions;
  if (table.vectors.length !== expected)
    throw invalidArgument("the table's vectors", `${expected} numbers`, table.vectors.length);
  return runJob({ signal }, (control) =>
    wordTableFunctions().wordSums(images, table, { dimensions, positions, threads }, control),
  );
}

const wordTableFunctions = () => nativeFunctions<WordTableFunctions>("fitWordTable");

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
