// Which sessions the factors of a model are learned from, and what a checkpoint holds of them.

import { MAX_WHOLE, WORDS, type WordTable } from "../../bindings/capture/words.ts";
import { FlowglyphError } from "../../bindings/errors.ts";
import { seededRandom, shuffle } from "../dataset/random.ts";
import { IMAGE_BYTES } from "../dataset/types.ts";
import { type FitRequest, type FittedState, savedNumbers } from "./fitted.ts";
import { type FactorTables, fitTables } from "./session-factors.ts";

// A stream of the seed of its own: those of the splits, of the trainer and of the folds are others.
const SAMPLE_STREAM = 400;

/** Of all labelled images of the request and a sample of the others, `sessions` at most. */
export async function learnTables(
  {
    images,
    labels,
    unlabelled,
    seed,
    threads,
    signal,
  }: Pick<FitRequest, "images" | "labels" | "unlabelled" | "seed" | "threads" | "signal">,
  { dimensions, sessions }: { readonly dimensions: number; readonly sessions: number },
): Promise<FactorTables> {
  const own = labels.length;
  const order = shuffle(
    Uint32Array.from({ length: own + unlabelled.count }, (_, row) => row),
    seededRandom(seed, SAMPLE_STREAM),
  );
  // Labelled ones first, each part in random order; ascending at the end, so that nothing but the set matters.
  const chosen = [...order.filter((row) => row < own), ...order.filter((row) => row >= own)].slice(
    0,
    sessions,
  );
  const rows = Uint32Array.from(chosen).sort();
  const labelled = rows.filter((row) => row < own);
  const others = unlabelled.take(rows.filter((row) => row >= own).map((row) => row - own));
  const all = new Uint8Array(labelled.length * IMAGE_BYTES + others.length);
  for (const [i, row] of labelled.entries())
    all.set(images.subarray(row * IMAGE_BYTES, (row + 1) * IMAGE_BYTES), i * IMAGE_BYTES);
  all.set(others, labelled.length * IMAGE_BYTES);
  return fitTables(all, Uint32Array.from(rows.keys()), {
    dimensions,
    seed: Math.abs(seed),
    threads,
    signal,
  });
}

const KINDS = ["pairs", "places"] as const;

export function stateOfTables(tables: FactorTables): FittedState {
  const state = new Map<string, Float32Array | Int32Array>();
  for (const kind of KINDS) {
    state.set(`${kind}.words`, tables[kind].words);
    state.set(`${kind}.vectors`, tables[kind].vectors);
  }
  return state;
}

/** @throws ERR_CHECKPOINT where `saved` holds something else */
export function savedTables(saved: FittedState | undefined, dimensions: number): FactorTables | undefined {
  const [pairs, places] = KINDS.map((kind) => savedTable(saved, kind, dimensions));
  return pairs && places ? { pairs, places } : undefined;
}

function savedTable(saved: FittedState | undefined, kind: string, dimensions: number): WordTable | undefined {
  const words = saved?.get(`${kind}.words`);
  if (words === undefined) return undefined;
  const ascending = (word: number, i: number) => word > (i === 0 ? -1 : words[i - 1]!) && word < WORDS;
  if (!(words instanceof Int32Array && words.every(ascending))) {
    throw new FlowglyphError("ERR_CHECKPOINT", `Expected the checkpoint to hold ascending words of ${kind}`);
  }
  const vectors = savedNumbers(saved, `${kind}.vectors`, words.length * dimensions);
  const isWhole = (value: number) => Number.isInteger(value) && Math.abs(value) <= MAX_WHOLE;
  if (vectors?.every(isWhole)) return { words, vectors };
  throw new FlowglyphError("ERR_CHECKPOINT", `Expected the checkpoint to hold whole numbers for ${kind}`);
}
