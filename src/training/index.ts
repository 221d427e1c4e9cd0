// flowglyph/training: needs libtorch once `train` is called, not to import.
export { CONFIG_FIELDS, resolveConfig, splitOptions, type TrainingConfig } from "./config.ts";
export type { EpochRecord } from "./history.ts";
export { datasetDigest, RUN_FILES, readRunConfig, readRunRows, readRunSplit, runPath } from "./run-folder.ts";
export type { PhaseSummary, RunMetrics } from "./run-metrics.ts";
export { type TrainOptions, type TrainResult, train } from "./train.ts";
export type { TrainingProgress } from "./trainer.ts";
