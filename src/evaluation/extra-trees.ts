// Extremely randomised trees (Geurts, Ernst, Wehenkel, Machine Learning 63, 2006) on bytes, grown and asked by native code
// (native/core/forest) off the calling thread: the baseline beside every score, and the model `trees`.
import {
  type AskOptions,
  forestFunctions,
  type GrowOptions,
  type Trees,
} from "../../bindings/capture/forest.ts";
import { runJob } from "../../bindings/capture/job.ts";

export type { Trees } from "../../bindings/capture/forest.ts";

export interface ExtraTreesOptions {
  readonly classes: number;
  readonly trees: number;
  /** A whole number, 0 or more. */
  readonly seed: number;
  /** Features that a node draws; the square root of their number by default. */
  readonly tries?: number | undefined;
  /**
   * Whether features that are constant in a node are drawn anew (`skipped`, the default) or count as tried (`counted`), as
   * scikit-learn has it. Zero-padded images are mostly constant deep in a tree, so skipping makes stronger trees.
   */
  readonly constants?: "counted" | "skipped" | undefined;
  /** 1 by default; the trees are the same with any number. */
  readonly threads?: number | undefined;
  /** ERR_ABORTED, when the trees that are under way are grown. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of trees now and then, and at the end. */
  readonly onProgress?: ((done: number) => void) | undefined;
  /** The first trees, grown before with the same options: growing goes on behind them. */
  readonly grown?: Trees | undefined;
  /** Called with all trees so far between two pieces of work. */
  readonly onTrees?: ((trees: Trees) => Promise<void>) | undefined;
}

// A piece of work ends after about so many rows times trees, and so many trees: a second or two, after which a checkpoint
// may be kept; of 200 trees, all of them for up to 20,000 images.
const PIECE = 4e6;
const PIECE_TREES = 256;

/**
 * @param images uint8 [N, features]
 * @param labels int32 [N] in [0, classes)
 * @throws ERR_ARGUMENT, ERR_ABORTED, ERR_ADDON_MISSING
 */
export async function growTrees(
  images: Uint8Array,
  labels: Int32Array,
  options: ExtraTreesOptions,
): Promise<Trees> {
  const features = images.length / labels.length;
  const native: Omit<GrowOptions, "first" | "count"> = {
    features,
    classes: options.classes,
    seed: options.seed,
    tries: options.tries ?? Math.max(1, Math.floor(Math.sqrt(features))),
    skipConstants: options.constants !== "counted",
    threads: options.threads ?? 1,
  };
  let trees = options.grown ?? joinTrees([]);
  const piece = Math.max(native.threads, Math.min(PIECE_TREES, Math.floor(PIECE / labels.length)));
  for (let first = trees.sizes.length / 2; first < options.trees; first = trees.sizes.length / 2) {
    const count = Math.min(piece, options.trees - first);
    const grown = await runJob(
      { signal: options.signal, onProgress: (done) => options.onProgress?.(first + done) },
      (control) => forestFunctions().growForest(images, labels, { ...native, first, count }, control),
    );
    trees = joinTrees([trees, grown]);
    options.onProgress?.(first + count);
    await options.onTrees?.(trees);
  }
  return trees;
}

export interface AskTreesOptions {
  readonly classes: number;
  /** 1 by default. */
  readonly threads?: number | undefined;
  /** ERR_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Class shares of the leaves that each image comes to, averaged over the trees.
 * @param images uint8 [N, features]
 * @returns float32 [N, classes]
 */
export function treeProbabilities(
  trees: Trees,
  images: Uint8Array,
  features: number,
  { classes, threads = 1, signal }: AskTreesOptions,
): Promise<Float32Array> {
  const options: AskOptions = { features, classes, threads };
  return runJob({ signal }, (control) => forestFunctions().askForest(trees, images, options, control));
}

function joinTrees(parts: readonly Trees[]): Trees {
  const join = (key: keyof Trees) => {
    const joined = new Int32Array(parts.reduce((total, part) => total + part[key].length, 0));
    let at = 0;
    for (const part of parts) {
      joined.set(part[key], at);
      at += part[key].length;
    }
    return joined;
  };
  return { sizes: join("sizes"), child: join("child"), test: join("test"), shares: join("shares") };
}
