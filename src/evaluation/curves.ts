// Receiver operating characteristic and precision-recall curves of one class against the rest.
// One point for each distinct score, none dropped; equal scores move together, as they cannot be told apart.
import { invalidArgument } from "../../bindings/errors.ts";

export interface RocCurve {
  /** Descending; the first is Infinity: nothing is called positive. */
  readonly thresholds: readonly number[];
  /** FP / negatives at each threshold, from 0 to 1. */
  readonly falsePositiveRate: readonly number[];
  /** TP / positives at each threshold, from 0 to 1. */
  readonly truePositiveRate: readonly number[];
  /** Area under the curve by the trapezoidal rule: the probability that a positive scores above a negative, ties half. */
  readonly area: number;
}

export interface PrecisionRecallCurve {
  /** Descending. */
  readonly thresholds: readonly number[];
  readonly precision: readonly number[];
  readonly recall: readonly number[];
  /** Sum over thresholds of (recall gained) x precision: no interpolation, which would flatter. */
  readonly averagePrecision: number;
}

/**
 * @param scores of being positive, any finite numbers
 * @param positive per score, whether it is positive
 * @returns undefined where one of the two kinds is missing: the curve has no meaning then
 */
export function rocCurve(scores: ArrayLike<number>, positive: ArrayLike<boolean>): RocCurve | undefined {
  const { thresholds, truePositives, falsePositives } = cumulate(scores, positive);
  const positives = truePositives.at(-1) ?? 0;
  const negatives = falsePositives.at(-1) ?? 0;
  if (positives === 0 || negatives === 0) return undefined;
  const truePositiveRate = [0, ...truePositives.map((count) => count / positives)];
  const falsePositiveRate = [0, ...falsePositives.map((count) => count / negatives)];
  let area = 0;
  for (let i = 1; i < truePositiveRate.length; i++) {
    const width = falsePositiveRate[i]! - falsePositiveRate[i - 1]!;
    area += (width * (truePositiveRate[i]! + truePositiveRate[i - 1]!)) / 2;
  }
  return { thresholds: [Number.POSITIVE_INFINITY, ...thresholds], falsePositiveRate, truePositiveRate, area };
}

/**
 * @param scores of being positive, any finite numbers
 * @param positive per score, whether it is positive
 * @returns undefined where nothing is positive
 */
export function precisionRecallCurve(
  scores: ArrayLike<number>,
  positive: ArrayLike<boolean>,
): PrecisionRecallCurve | undefined {
  const { thresholds, truePositives, falsePositives } = cumulate(scores, positive);
  const positives = truePositives.at(-1) ?? 0;
  if (positives === 0) return undefined;
  const precision = truePositives.map((count, i) => count / (count + falsePositives[i]!));
  const recall = truePositives.map((count) => count / positives);
  let averagePrecision = 0;
  for (let i = 0; i < recall.length; i++)
    averagePrecision += (recall[i]! - (recall[i - 1] ?? 0)) * precision[i]!;
  return { thresholds, precision, recall, averagePrecision };
}

/** True and false positives at each distinct score, from the highest down. */
function cumulate(
  scores: ArrayLike<number>,
  positive: ArrayLike<boolean>,
): { thresholds: number[]; truePositives: number[]; falsePositives: number[] } {
  if (scores.length !== positive.length) {
    throw invalidArgument("positive", `as many as the ${scores.length} scores`, positive.length);
  }
  const order = Uint32Array.from({ length: scores.length }, (_, i) => i).sort(
    (a, b) => scores[b]! - scores[a]!,
  );
  const curve = { thresholds: [] as number[], truePositives: [] as number[], falsePositives: [] as number[] };
  let [truePositives, falsePositives] = [0, 0];
  for (const [i, index] of order.entries()) {
    const score = scores[index]!;
    if (!Number.isFinite(score)) throw invalidArgument(`scores[${index}]`, "a finite number", score);
    if (positive[index]) truePositives++;
    else falsePositives++;
    if (i + 1 < order.length && scores[order[i + 1]!] === score) continue;
    curve.thresholds.push(score);
    curve.truePositives.push(truePositives);
    curve.falsePositives.push(falsePositives);
  }
  return curve;
}
