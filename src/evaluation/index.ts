// Scores, baselines and reports. Pure functions; imports nothing of torch, models or training.
export { type BaselineOptions, type BaselineScore, baselines, type SkippedBaseline } from "./baselines.ts";
export {
  type Calibration,
  type CalibrationBin,
  type CalibrationErrors,
  type CalibrationOutcome,
  calibration,
  calibrationOutcome,
} from "./calibration.ts";
export {
  type Calibrator,
  calibratedProbabilities,
  fitCalibrator,
  UNCALIBRATED,
  uncalibratedScores,
} from "./calibrator.ts";
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
export {
  CONFIDENCE,
  errorLimit,
  levelFor,
  type MeasuredLevel,
  measureLevels,
  type PromisedLevel,
  promisedLevels,
  type RiskLevel,
  riskLevels,
} from "./risk-coverage.ts";
export { unknownThreshold } from "./unknown.ts";
