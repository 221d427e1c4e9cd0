// All scores of a set of verdicts in one object: what `evaluate --json` prints.
import { invalidArgument } from "../../bindings/errors.ts";
import { type Calibration, calibration } from "./calibration.ts";
import { type PrecisionRecallCurve, precisionRecallCurve, type RocCurve, rocCurve } from "./curves.ts";
import {
  type AveragedScores,
  accuracy,
  type ClassScores,
  classScores,
  confusionMatrix,
  macroAverage,
  weightedAverage,
} from "./metrics.ts";

export interface ClassEvaluation extends ClassScores {
  /** Area under the ROC curve, one against the rest; absent without probabilities or where the class is absent. */
  readonly rocArea?: number;
  readonly averagePrecision?: number;
}

export interface Evaluation {
  readonly images: number;
  readonly classes: readonly string[];
  readonly accuracy: number;
  readonly macroF1: number;
  readonly macro: AveragedScores;
  readonly weighted: AveragedScores;
  readonly perClass: readonly ClassEvaluation[];
  /** confusion[i][j]: images of class i that were given class j. */
  readonly confusion: readonly (readonly number[])[];
  /** Mean over classes that have one; absent without probabilities. */
  readonly macroRocArea?: number;
  readonly macroAveragePrecision?: number;
  readonly calibration?: Calibration;
}

/** Class of the largest probability in each row; the first of equal ones. float [n, classCount] -> int32 [n]. */
export function predictedClasses(probabilities: ArrayLike<number>, classCount: number): Int32Array {
  if (!Number.isInteger(classCount) || classCount < 1 || probabilities.length % classCount !== 0) {
    throw invalidArgument(
      "probabilities",
      `rows of ${classCount} numbers`,
      `${probabilities.length} numbers`,
    );
  }
  const predictions = new Int32Array(probabilities.length / classCount);
  for (let i = 0; i < predictions.length; i++) {
    let best = 0;
    for (let c = 1; c < classCount; c++) {
      if (probabilities[i * classCount + c]! > probabilities[i * classCount + best]!) best = c;
    }
    predictions[i] = best;
  }
  return predictions;
}

/**
 * Scores from predicted classes alone.
 * @param labels int [n] in [0, classes.length)
 * @param predictions int [n] in [0, classes.length)
 */
export function evaluatePredictions(
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
  classes: readonly string[],
): Evaluation {
  const confusion = confusionMatrix(labels, predictions, classes.length);
  const perClass = classScores(confusion, classes);
  const macro = macroAverage(perClass);
  return {
    images: labels.length,
    classes,
    accuracy: accuracy(confusion),
    macroF1: macro.f1,
    macro,
    weighted: weightedAverage(perClass),
    perClass,
    confusion,
  };
}

/**
 * Scores from probabilities: those of the most probable class, and the areas under the curves and the calibration.
 * @param labels int [n] in [0, classes.length)
 * @param probabilities float [n, classes.length], row major
 */
export function evaluateProbabilities(
  labels: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  classes: readonly string[],
): Evaluation {
  const byPrediction = evaluatePredictions(labels, predictedClasses(probabilities, classes.length), classes);
  const perClass = byPrediction.perClass.map((scores, c): ClassEvaluation => {
    const { roc, precisionRecall } = classCurves(labels, probabilities, classes.length, c);
    return {
      ...scores,
      ...(roc && { rocArea: roc.area }),
      ...(precisionRecall && { averagePrecision: precisionRecall.averagePrecision }),
    };
  });
  return {
    ...byPrediction,
    perClass,
    ...meanOf(perClass, "rocArea", "macroRocArea"),
    ...meanOf(perClass, "averagePrecision", "macroAveragePrecision"),
    calibration: calibration(probabilities, labels, classes.length),
  };
}

/** Both curves of class `c` against the rest; each undefined where it has no meaning. */
export function classCurves(
  labels: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  classCount: number,
  c: number,
): { readonly roc: RocCurve | undefined; readonly precisionRecall: PrecisionRecallCurve | undefined } {
  const scores = Float64Array.from({ length: labels.length }, (_, i) => probabilities[i * classCount + c]!);
  const positive = Array.from(labels, (label) => label === c);
  return { roc: rocCurve(scores, positive), precisionRecall: precisionRecallCurve(scores, positive) };
}

function meanOf<Name extends string>(
  perClass: readonly ClassEvaluation[],
  field: "rocArea" | "averagePrecision",
  name: Name,
): Partial<Record<Name, number>> {
  const values = perClass.map((scores) => scores[field]).filter((value) => value !== undefined);
  if (values.length === 0) return {};
  return { [name]: values.reduce((sum, value) => sum + value, 0) / values.length } as Record<Name, number>;
}
