// Which sessions to label next: those of a dataset that have no label, by what a model says of them.
import { setImmediate } from "node:timers/promises";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import { imageDifference } from "../capture/extraction.ts";
import { gatherImages } from "../dataset/dataset.ts";
import { imageWords } from "../dataset/image-hash.ts";
import { ImageIndex } from "../dataset/image-index.ts";
import { seededRandom, shuffle } from "../dataset/random.ts";
import type { Dataset, Split } from "../dataset/types.ts";
import { predictedClasses } from "../evaluation/evaluate.ts";
import type { Classifier } from "../inference/classifier.ts";
import { findStrategy } from "./registry.ts";

export interface SuggestOptions {
  /** How many sessions; fewer come where there are fewer. */
  readonly count: number;
  /** A row of the registry; by default DEFAULT_STRATEGY, or FIRST_STRATEGY without a model. */
  readonly strategy?: string | undefined;
  /** 1 by default. */
  readonly seed?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, rows: number) => void) | undefined;
}

export interface Suggestion {
  /** Of the dataset. */
  readonly row: number;
  /** What the model takes it for; undefined without a model. */
  readonly bestClass: string | undefined;
  readonly probability: number | undefined;
}

export interface Suggestions {
  /** The most wanted first. */
  readonly suggestions: readonly Suggestion[];
  readonly strategy: string;
  /** Different images that have no label, of which these were chosen. */
  readonly candidates: number;
}

/** What won in bench/results/suggest.md. */
export const DEFAULT_STRATEGY = "badge";
/** For the first labels, without a model. */
export const FIRST_STRATEGY = "typical";

const STREAM = 310;
// Images under way at once: enough for every worker, little enough that progress moves and an abort is heard.
const CHUNK = 2048;
const SLICE_MS = 25;

/**
 * Chooses sessions that are not labelled: rows of the dataset without a label and, where the run learned from a part of its labels
 * alone, the rows that it took as unlabelled. Test rows are never among them. Of equal images one is taken, and none that equals
 * a labelled one. The same question has the same answer.
 * @param model What classifies; undefined where there is none yet.
 * @param split The run's, of a dataset with the same images (`readRunRows`); undefined where the model knows nothing of these rows.
 * @throws ERR_ARGUMENT (count, strategy); ERR_LABELS where nothing is left to label; ERR_MODEL_FORMAT where the dataset's images are of
 *   another kind; ERR_ABORTED; ERR_INFERENCE
 */
export async function suggest(
  dataset: Dataset,
  model: Pick<Classifier, "metadata" | "predict"> | undefined,
  split: Split | undefined,
  options: SuggestOptions,
): Promise<Suggestions> {
  const { count, seed = 1 } = options;
  if (!Number.isSafeInteger(count) || count < 1)
    throw invalidArgument("count", "a whole number above 0", count);
  const name = options.strategy ?? (model === undefined ? FIRST_STRATEGY : DEFAULT_STRATEGY);
  const strategy = findStrategy(name);
  if (strategy.needsModel && model === undefined)
    throw invalidArgument("strategy", "one that needs no model, where there is none", name);
  const { open, known } = rowsOf(dataset, split);
  const rows = shuffle(differing(dataset, open, known), seededRandom(seed, STREAM));
  if (rows.length === 0) {
    throw new FlowglyphError(
      "ERR_LABELS",
      `Expected sessions without a label but all ${dataset.count} of the dataset have one, or the image of one that has`,
    );
  }
  const pause = pauses(options.signal);
  const probabilities = model && (await probabilitiesOf(model, dataset, rows, options));
  const classes = model?.metadata.classes ?? [];
  const chosen = await strategy.choose(
    {
      count: rows.length,
      images: gatherImages(dataset, rows),
      probabilities,
      classes: classes.length,
      known: gatherImages(dataset, known),
    },
    Math.min(count, rows.length),
    seededRandom(seed, STREAM + 1),
    pause,
  );
  const best = probabilities && predictedClasses(probabilities, classes.length);
  const suggestions = Array.from(chosen, (i): Suggestion => {
    const k = best?.[i];
    return {
      row: rows[i]!,
      bestClass: k === undefined ? undefined : classes[k],
      probability: k === undefined ? undefined : probabilities![i * classes.length + k],
    };
  });
  return { suggestions, strategy: name, candidates: rows.length };
}

/** Rows that may be asked about, and those whose labels are known. */
function rowsOf(dataset: Dataset, split: Split | undefined): { open: Uint32Array; known: Uint32Array } {
  const isKnown = new Uint8Array(dataset.count);
  const isOut = new Uint8Array(dataset.count);
  for (let row = 0; row < dataset.count; row++) isKnown[row] = Number(dataset.labels[row]! >= 0);
  if (split !== undefined) {
    // Labels that the run did not use are not known to it.
    for (const row of split.unlabelled) isKnown[row] = 0;
    for (const row of [...split.labelled, ...split.validation]) isKnown[row] = 1;
    for (const row of split.test) isOut[row] = 1;
  }
  for (const row of dataset.testRows ?? []) isOut[row] = 1;
  const all = Uint32Array.from({ length: dataset.count }, (_, row) => row);
  return {
    open: all.filter((row) => isKnown[row] === 0 && isOut[row] === 0),
    known: all.filter((row) => isKnown[row] === 1 && isOut[row] === 0),
  };
}

/** The first row of each image that is not among the known ones. */
function differing(dataset: Dataset, open: Uint32Array, known: Uint32Array): Uint32Array {
  const words = imageWords(dataset.images);
  const rows: number[] = [];
  const index = new ImageIndex((id) => ({ words, row: rows[id]! }));
  const isNew = (row: number) => {
    if (index.findOrAdd(words, row) >= 0) return false;
    rows.push(row);
    return true;
  };
  for (const row of known) isNew(row);
  return open.filter(isNew);
}

async function probabilitiesOf(
  model: Pick<Classifier, "metadata" | "predict">,
  dataset: Dataset,
  rows: Uint32Array,
  { signal, onProgress }: SuggestOptions,
): Promise<Float32Array> {
  const { metadata } = model;
  const field = imageDifference(metadata, dataset.manifest);
  if (field !== undefined) {
    throw new FlowglyphError(
      "ERR_MODEL_FORMAT",
      `Expected images of ${field} ${metadata[field]}, as the model was trained on, but the dataset has ${field} ${dataset.manifest[field]}`,
    );
  }
  const classes = metadata.classes.length;
  const probabilities = new Float32Array(rows.length * classes);
  for (let start = 0; start < rows.length; start += CHUNK) {
    if (signal?.aborted) throw aborted(signal);
    onProgress?.(start, rows.length);
    const part = rows.subarray(start, start + CHUNK);
    const scores = await model.predict(gatherImages(dataset, part));
    probabilities.set(scores.probabilities, start * classes);
  }
  return probabilities;
}

/** A function that lets the event loop run once every slice of time, and throws once the signal is aborted. */
function pauses(signal: AbortSignal | undefined): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last >= SLICE_MS) {
      await setImmediate();
      last = performance.now();
    }
    if (signal?.aborted) throw aborted(signal);
  };
}

function aborted(signal: AbortSignal): FlowglyphError {
  return new FlowglyphError("ERR_ABORTED", "Looking for sessions to label was aborted", {
    cause: signal.reason,
  });
}
