// flowglyph/compare: models against each other by label count. Needs libtorch once a network's cell is run, not to import.
export {
  type CompareOptions,
  type CompareResult,
  type ComparisonGrid,
  type ComparisonRequest,
  compare,
  comparisonCommand,
  openComparison,
} from "./compare.ts";
export type { PairedDifference } from "./paired.ts";
export {
  DEFAULT_LABELS,
  DEFAULT_MODELS,
  DEFAULT_SEEDS,
  DEFAULT_SETS,
  DEFAULT_UNLABELLED,
  type LabelCount,
  MODEL_NAMES,
} from "./settings.ts";
export type { ComparedScore, ComparedSetting, Comparison } from "./summary.ts";
