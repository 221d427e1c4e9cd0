// Scores, baselines and reports. Pure functions; imports nothing of torch, models or training.
export { type BaselineOptions, type BaselineScore, baselines, type SkippedBaseline } from "./baselines.ts";
export { type Calibration, type CalibrationBin, calibration } from "./calibration.ts";
export { type PrecisionRecallCurve, precisionRecallCurve, type RocCurve, rocCurve } from "./curves.ts";
export {
  type ClassEvaluation,
  classCurves,
  type Evaluation,
  evaluatePredictions,
  evaluateProbabilities,
  predictedClasses,
} from "./evaluate.ts";
export { type EvaluateModelOptions, evaluateModel, type ModelEvaluation } from "./evaluate-model.ts";
export {
  type AveragedScores,
  accuracy,
  type ClassScores,
  type ConfusionMatrix,
  classScores,
  confusionMatrix,
  macroAverage,
  meanAndDeviation,
  weightedAverage,
} from "./metrics.ts";
export {
  classTable,
  confusionTable,
  describeContext,
  evaluationReport,
  type ScoreContext,
  scoreTable,
} from "./report.ts";
