// Scores from a confusion matrix. Pure functions of numbers; definitions as scikit-learn's, in its order of averaging.
// A ratio whose denominator is zero is 0 (scikit-learn's zero_division=0): a class that is never predicted has precision 0.
import { invalidArgument } from "../../bindings/errors.ts";

/** counts[i][j]: images of class i that were given class j. */
export type ConfusionMatrix = readonly (readonly number[])[];

/** One class against all others. TP, FP, FN, TN are counts of images. */
export interface ClassScores {
  readonly class: string;
  /** Images of this class: TP + FN. */
  readonly support: number;
  /** Images that were given this class: TP + FP. */
  readonly predicted: number;
  /** TP / (TP + FP) */
  readonly precision: number;
  /** TP / (TP + FN), also called sensitivity */
  readonly recall: number;
  /** 2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall */
  readonly f1: number;
  /** TN / (TN + FP) */
  readonly specificity: number;
  /** TN / (TN + FN) */
  readonly negativePredictiveValue: number;
}

const RATIOS = ["precision", "recall", "f1", "specificity", "negativePredictiveValue"] as const;
export type AveragedScores = Readonly<Record<(typeof RATIOS)[number], number>>;

/**
 * Counts pairs of true and predicted class, both int in [0, classCount).
 * @throws FlowglyphError ERR_ARGUMENT where lengths differ or a class is out of range (unlabelled rows must be left out)
 */
export function confusionMatrix(
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
  classCount: number,
): number[][] {
  if (labels.length !== predictions.length) {
    throw invalidArgument("predictions", `as many as the ${labels.length} labels`, predictions.length);
  }
  const counts = Array.from({ length: classCount }, () => new Array<number>(classCount).fill(0));
  for (let i = 0; i < labels.length; i++) {
    const [label, prediction] = [labels[i]!, predictions[i]!];
    const row = counts[label];
    if (row === undefined)
      throw invalidArgument(`labels[${i}]`, `a class from 0 to ${classCount - 1}`, label);
    if (row[prediction] === undefined) {
      throw invalidArgument(`predictions[${i}]`, `a class from 0 to ${classCount - 1}`, prediction);
    }
    row[prediction]++;
  }
  return counts;
}

/** Share of images on the diagonal; 0 without images. */
export function accuracy(confusion: ConfusionMatrix): number {
  let correct = 0;
  let images = 0;
  for (const [i, row] of confusion.entries()) {
    correct += row[i]!;
    for (const count of row) images += count;
  }
  return ratio(correct, images);
}

/** The scores of each class, in class order. */
export function classScores(confusion: ConfusionMatrix, classes: readonly string[]): ClassScores[] {
  const images = confusion.reduce((sum, row) => sum + total(row), 0);
  return classes.map((name, i) => {
    const support = total(confusion[i]!);
    const predicted = confusion.reduce((sum, row) => sum + row[i]!, 0);
    const truePositives = confusion[i]![i]!;
    const falsePositives = predicted - truePositives;
    const falseNegatives = support - truePositives;
    const trueNegatives = images - truePositives - falsePositives - falseNegatives;
    return {
      class: name,
      support,
      predicted,
      precision: ratio(truePositives, predicted),
      recall: ratio(truePositives, support),
      f1: ratio(2 * truePositives, 2 * truePositives + falsePositives + falseNegatives),
      specificity: ratio(trueNegatives, trueNegatives + falsePositives),
      negativePredictiveValue: ratio(trueNegatives, trueNegatives + falseNegatives),
    };
  });
}

/** Plain mean over the classes that occur, as label or as prediction: a class the test part never saw does not count. */
export function macroAverage(scores: readonly ClassScores[]): AveragedScores {
  return average(scores, ({ support, predicted }) => (support + predicted > 0 ? 1 : 0));
}

/** Mean over classes, each weighted by its support. */
export function weightedAverage(scores: readonly ClassScores[]): AveragedScores {
  return average(scores, ({ support }) => support);
}

function average(scores: readonly ClassScores[], weightOf: (scores: ClassScores) => number): AveragedScores {
  const weights = total(scores.map(weightOf));
  const mean = (name: keyof AveragedScores): number =>
    ratio(total(scores.map((score) => weightOf(score) * score[name])), weights);
  return Object.fromEntries(RATIOS.map((name) => [name, mean(name)])) as AveragedScores;
}

/** Mean and sample standard deviation (n - 1; 0 for a single value), for scores of several seeds. */
export function meanAndDeviation(values: readonly number[]): {
  readonly mean: number;
  readonly deviation: number;
} {
  const mean = ratio(total(values), values.length);
  const squares = total(values.map((value) => (value - mean) ** 2));
  return { mean, deviation: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)) };
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
const ratio = (numerator: number, denominator: number): number =>
  denominator === 0 ? 0 : numerator / denominator;
