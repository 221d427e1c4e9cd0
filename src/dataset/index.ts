// Datasets: reading, writing, splitting. Imports nothing of torch, models or training.
export { countClasses, gatherImages, gatherLabels, imageAt, newManifest, subset } from "./dataset.ts";
export { readIdxFolder, writeIdxFolder } from "./idx.ts";
export { parseManifest } from "./manifest.ts";
export { openDataset } from "./open.ts";
export { type Random, randomBelow, seededRandom, shuffle } from "./random.ts";
export { dropLeakedTestRows, leakedRows, makeSplit, type SplitOptions } from "./split.ts";
export type { Dataset, DatasetManifest, SessionColumns, Split } from "./types.ts";
export { END_REASONS, IMAGE_BYTES } from "./types.ts";
