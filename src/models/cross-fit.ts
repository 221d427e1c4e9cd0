// What a fitted model says of images that it has not seen, from the images that it learns from: they are dealt into folds,
// and each fold is asked of a model that was fitted to the others.

import { concatenate } from "../concatenate.ts";
import { seededRandom, shuffle } from "../dataset/random.ts";
import { IMAGE_BYTES } from "../dataset/types.ts";
import type { FitRequest } from "./fitted.ts";

// A stream of the seed of its own: those of the splits and of the trainer are others.
const FOLD_STREAM = 300;
// With few rows a fold must leave most of them to learn from; with many, some folds alone give answers enough.
const FOLDS = { few: 10, many: 5 } as const;
export const MOST_FOLDS = Math.max(...Object.values(FOLDS));
const FEW_ROWS = 500;
const ENOUGH_ROWS = 2000;

export interface CrossFit {
  /** int32 [M], M at most the rows given. */
  readonly labels: Int32Array;
  /** Of each thing asked for, float32 [M, classes]. */
  readonly answers: readonly Float32Array[];
}

/** Fits to images uint8 [N, 784] and their labels int32 [N]; what comes back answers for images uint8 [M, 784]. */
export type FitFold = (
  images: Uint8Array,
  labels: Int32Array,
) => Promise<(images: Uint8Array) => Promise<readonly Float32Array[]>>;

/**
 * Every class is dealt evenly over the folds. The only row of a class is left out: it could not be learned from the others,
 * and the model that is calibrated has learned it.
 */
export async function crossFit(
  learn: FitFold,
  { images, labels, classes, seed }: Pick<FitRequest, "images" | "labels" | "classes" | "seed">,
): Promise<CrossFit> {
  const found: { labels: number[]; answers: (readonly Float32Array[])[] } = { labels: [], answers: [] };
  for (const held of dealFolds(labels, classes, seed)) {
    if (held.length === 0 || found.labels.length >= ENOUGH_ROWS) continue;
    const isHeld = new Set(held);
    const rest = Array.from(labels.keys()).filter((i) => !isHeld.has(i));
    if (rest.length === 0) continue;
    const ask = await learn(
      gather(images, rest),
      Int32Array.from(rest, (i) => labels[i]!),
    );
    found.answers.push(await ask(gather(images, held)));
    found.labels.push(...held.map((i) => labels[i]!));
  }
  const kinds = found.answers[0]?.length ?? 0;
  return {
    labels: Int32Array.from(found.labels),
    answers: Array.from({ length: kinds }, (_, kind) =>
      concatenate(
        Float32Array,
        found.answers.map((answers) => answers[kind]!),
      ),
    ),
  };
}

/** Places of `labels`, in folds; a class goes on where the one before it ended, so that folds are of like size. */
export function dealFolds(labels: Int32Array, classes: number, seed: number): number[][] {
  const count = labels.length <= FEW_ROWS ? FOLDS.few : FOLDS.many;
  const folds: number[][] = Array.from({ length: count }, () => []);
  const random = seededRandom(seed, FOLD_STREAM);
  let next = 0;
  for (let label = 0; label < classes; label++) {
    const places = shuffle(
      Array.from(labels.keys()).filter((i) => labels[i] === label),
      random,
    );
    if (places.length < 2) continue;
    for (const place of places) folds[next++ % count]!.push(place);
  }
  return folds;
}

function gather(images: Uint8Array, places: readonly number[]): Uint8Array {
  const gathered = new Uint8Array(places.length * IMAGE_BYTES);
  for (const [i, place] of places.entries())
    gathered.set(images.subarray(place * IMAGE_BYTES, (place + 1) * IMAGE_BYTES), i * IMAGE_BYTES);
  return gathered;
}
