// Datasets: making, reading, writing, splitting. Imports nothing of torch, models or training.
export { readArrowFile, writeArrowFile } from "./arrow.ts";
export { type BuildOptions, type BuildResult, buildDataset } from "./build.ts";
export { type ConvertOptions, convertDataset } from "./convert.ts";
export {
  countClasses,
  gatherImages,
  gatherLabels,
  imageAt,
  manifestOf,
  newManifest,
  subset,
} from "./dataset.ts";
export { removeDuplicates } from "./duplicates.ts";
export { readIdxFolder, writeIdxFolder } from "./idx.ts";
export { applyLabels, type Relabelled } from "./label-overlay.ts";
export { type LabelRule, parseLabels, readLabelFile } from "./labels.ts";
export { parseManifest } from "./manifest.ts";
export { type MaskDatasetOptions, maskDataset, maskingNotes } from "./mask-dataset.ts";
export { makeNestedSplits } from "./nested-splits.ts";
export { writeNpz } from "./npz.ts";
export { isDatasetFolder, openDataset } from "./open.ts";
export { type Random, randomBelow, seededRandom, shuffle } from "./random.ts";
export { dropLeakedTestRows, leakedRows, makeSplit, type SplitOptions } from "./split.ts";
export type { Dataset, DatasetManifest, MaskingCounts, SessionColumns, Split } from "./types.ts";
export { END_REASONS, IMAGE_BYTES } from "./types.ts";
export { DATASET_FORMATS, type DatasetFormat } from "./write-dataset.ts";
