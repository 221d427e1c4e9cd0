// flowglyph/training: needs libtorch once `train` is called, not to import.
export { CONFIG_FIELDS, resolveConfig, splitOptions, type TrainingConfig } from "./config.ts";
export {
  DISTILL_DEFAULTS,
  DISTILL_KEYS,
  type DistillConfig,
  type DistillOptions,
  distill,
} from "./distill.ts";
export type { EpochRecord } from "./history.ts";
export { datasetDigest, RUN_FILES, readRunConfig, readRunRows, readRunSplit, runPath } from "./run-folder.ts";
export type { DistilledOutcome, PhaseSummary, RunMetrics, StudentForm } from "./run-metrics.ts";
export { INT8, type Int8, STUDENT_SHAPES, type StudentShape, type StudentSize } from "./student-size.ts";
export { type TrainOptions, type TrainResult, train } from "./train.ts";
export type { TrainingProgress } from "./trainer.ts";
