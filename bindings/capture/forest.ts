// The functions of flowglyph_capture.node over trees, as native/capture/forest.cpp declares them. Arguments are copied
// before a call returns.
import { type JobControl, nativeFunctions } from "./job.ts";

/** Trees one after the other, as native/core/forest/tree.hpp lays them out. */
export interface Trees {
  /** int32 [trees, 2]: nodes, mixed leaves. */
  readonly sizes: Int32Array;
  /** int32 [nodes]: of an inner node the left child's number in its tree, the right one's is the next; of a leaf -1 - k. */
  readonly child: Int32Array;
  /** int32 [nodes]: of an inner node feature * 256 + threshold; bytes up to the threshold go left. */
  readonly test: Int32Array;
  /** int32 [mixed leaves, classes]: class shares in SHARE_PARTS-ths. */
  readonly shares: Int32Array;
}

/** Shares of mixed leaves are whole numbers of this many parts. */
export const SHARE_PARTS = 4096;
/** Trees of a forest at most: sums of shares stay exact in float32. */
export const MAX_TREES = 4096;

export interface GrowOptions {
  readonly features: number;
  readonly classes: number;
  /** Number of the first tree to grow; a tree depends on its number, not on those before it. */
  readonly first: number;
  readonly count: number;
  /** 0 to 2^53 - 1. */
  readonly seed: number;
  /** Features that a node draws. */
  readonly tries: number;
  /** Whether features that are constant in a node are drawn anew, or count as tried. */
  readonly skipConstants: boolean;
  readonly threads: number;
}

export interface AskOptions {
  readonly features: number;
  readonly classes: number;
  readonly threads: number;
}

export interface ForestFunctions {
  /** images uint8 [N, features], labels int32 [N] in [0, classes). */
  growForest(
    images: Uint8Array,
    labels: Int32Array,
    options: GrowOptions,
    control: JobControl,
  ): Promise<Trees>;
  /** images uint8 [N, features] -> probabilities float32 [N, classes]. */
  askForest(
    trees: Trees,
    images: Uint8Array,
    options: AskOptions,
    control: JobControl,
  ): Promise<Float32Array>;
}

/** ERR_ADDON_MISSING where the addon is not built, or was built before it had trees. */
export const forestFunctions = () => nativeFunctions<ForestFunctions>("growForest");
