// What a score must be compared with: the majority class, the nearest training image, and a tree ensemble, each trained on
// the labelled rows (validation included: a baseline needs no early stopping) and tested on the same test rows.
import { setImmediate } from "node:timers/promises";
import { FlowglyphError } from "../../bindings/errors.ts";
import { gatherImages, gatherLabels } from "../dataset/dataset.ts";
import { type Dataset, IMAGE_BYTES, type Split } from "../dataset/types.ts";
import { evaluatePredictions, predictedClasses } from "./evaluate.ts";
import { growTrees, treeProbabilities } from "./extra-trees.ts";
import { nearestNeighbours } from "./nearest-neighbour.ts";

export interface BaselineScore {
  readonly name: "majority class" | "1-nearest neighbour" | "extremely randomised trees";
  readonly accuracy: number;
  readonly macroF1: number;
  readonly seconds: number;
}

export interface SkippedBaseline {
  readonly name: BaselineScore["name"];
  /** Why there is no score. */
  readonly skipped: string;
}

export interface BaselineOptions {
  /** Of the trees; 1 by default. */
  readonly seed?: number;
  /** 200 by default. */
  readonly trees?: number;
  /** CPU threads of the trees; 1 by default. They change nothing but the time. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** Called as each baseline starts. */
  readonly onProgress?: (name: BaselineScore["name"]) => void;
  /** Largest number of (training image, test image) pairs that nearest neighbour takes on; 2e8 by default. */
  readonly maxPairs?: number;
  /** Largest number of training images that the trees take on; 200,000 by default. */
  readonly maxTreeImages?: number;
}

// Measured on one core: about 5 million pairs a second, and 100 trees on 12,000 images in 5 s. Beyond these limits a baseline
// would take minutes, and is named as skipped instead.
const MAX_PAIRS = 2e8;
const MAX_TREE_IMAGES = 200_000;
const SLICE_MS = 25;

/**
 * Runs all baselines. It computes on the calling thread and gives way to the event loop every few test images and after
 * every tree.
 * @throws FlowglyphError ERR_ABORTED; ERR_SPLIT where there is nothing to train on or to test
 */
export async function baselines(
  dataset: Dataset,
  split: Split,
  options: BaselineOptions = {},
): Promise<(BaselineScore | SkippedBaseline)[]> {
  const trainRows = Uint32Array.from([...split.labelled, ...split.validation]);
  if (trainRows.length === 0 || split.test.length === 0) {
    throw new FlowglyphError(
      "ERR_SPLIT",
      `Expected labelled and test images for the baselines but received ${trainRows.length} and ${split.test.length}`,
    );
  }
  const train = gatherImages(dataset, trainRows);
  const trainLabels = gatherLabels(dataset, trainRows);
  const test = gatherImages(dataset, split.test);
  const testLabels = gatherLabels(dataset, split.test);
  const classCount = dataset.classes.length;
  const pause = eventLoopPauses(options.signal);

  const run = async (
    name: BaselineScore["name"],
    predict: () => Promise<ArrayLike<number>> | ArrayLike<number>,
  ): Promise<BaselineScore> => {
    options.onProgress?.(name);
    await pause();
    const start = performance.now();
    const { accuracy, macroF1 } = evaluatePredictions(testLabels, await predict(), dataset.classes);
    return { name, accuracy, macroF1, seconds: (performance.now() - start) / 1000 };
  };

  const scores: (BaselineScore | SkippedBaseline)[] = [];
  scores.push(await run("majority class", () => majority(trainLabels, classCount, testLabels.length)));
  const pairs = trainRows.length * split.test.length;
  const maxPairs = options.maxPairs ?? MAX_PAIRS;
  if (pairs > maxPairs) {
    const skipped = `${trainRows.length} training by ${split.test.length} test images are more than ${maxPairs} pairs`;
    scores.push({ name: "1-nearest neighbour", skipped });
  } else {
    const neighbours = async (): Promise<Int32Array> =>
      (await nearestNeighbours(train, test, IMAGE_BYTES, { pause })).map((row) => trainLabels[row]!);
    scores.push(await run("1-nearest neighbour", neighbours));
  }
  const { trees = 200, seed = 1, threads = 1, maxTreeImages = MAX_TREE_IMAGES } = options;
  if (trainRows.length > maxTreeImages) {
    const skipped = `${trainRows.length} training images are more than ${maxTreeImages}`;
    scores.push({ name: "extremely randomised trees", skipped });
  } else {
    const forest = async (): Promise<Int32Array> => {
      const { signal } = options;
      const grown = await growTrees(train, trainLabels, {
        classes: classCount,
        trees,
        seed,
        threads,
        signal,
      });
      const asked = { classes: classCount, threads, signal };
      return predictedClasses(await treeProbabilities(grown, test, IMAGE_BYTES, asked), classCount);
    };
    scores.push(await run("extremely randomised trees", forest));
  }
  return scores;
}

function majority(labels: Int32Array, classCount: number, tests: number): Int32Array {
  const counts = new Array<number>(classCount).fill(0);
  for (const label of labels) counts[label]!++;
  return new Int32Array(tests).fill(counts.indexOf(Math.max(...counts)));
}

/** A function that lets the event loop run once every slice of time, and throws once the signal is aborted. */
function eventLoopPauses(signal: AbortSignal | undefined): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last >= SLICE_MS) {
      await setImmediate();
      last = performance.now();
    }
    if (signal?.aborted) {
      throw new FlowglyphError("ERR_ABORTED", "The baselines were aborted", { cause: signal.reason });
    }
  };
}
