// From a model's own scores to probabilities that mean what they say: softmax(scores / temperature), then a share of chance,
// so that no class that the model rules out has the probability zero. Temperature scaling: Guo et al., "On Calibration of
// Modern Neural Networks", ICML 2017. Neither changes which class is the most probable. Pure functions.
import { invalidArgument } from "../../bindings/errors.ts";

export interface Calibrator {
  /** Above 1: the model is surer than it is right. */
  readonly temperature: number;
  /** Share of the uniform distribution in the result, 0 to below 1. */
  readonly chance: number;
}

/** Leaves softmax(scores) as it is. */
export const UNCALIBRATED: Calibrator = { temperature: 1, chance: 0 };

// What float32 probabilities can still be computed from, and more than any model of ours has needed.
const MOST = 20;
// A whole row would make trees on 20 to 100 labels too modest (bench/results/calibration.md).
const CHANCE_ROWS = 0.25;

/** What is thought of a kind of model before any row is seen: ln(temperature) is normal. */
export interface TemperaturePrior {
  readonly mean: number;
  readonly deviation: number;
}

export interface CalibratorOptions {
  readonly prior: TemperaturePrior;
  /** Whether a share of chance is fitted: for models that give zeros. */
  readonly chance: boolean;
}

/**
 * @param scores float [N, classes], row major: logits, or logarithms of probabilities (-Infinity for 0)
 * @returns float32 [N, classes], each row sums to 1
 */
export function calibratedProbabilities(
  scores: ArrayLike<number>,
  classes: number,
  { temperature, chance }: Calibrator,
): Float32Array {
  const probabilities = new Float32Array(scores.length);
  for (let at = 0; at < scores.length; at += classes) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let k = at; k < at + classes; k++) largest = Math.max(largest, scores[k]!);
    let sum = 0;
    for (let k = at; k < at + classes; k++) sum += Math.exp((scores[k]! - largest) / temperature);
    for (let k = at; k < at + classes; k++) {
      const share = Math.exp((scores[k]! - largest) / temperature) / sum;
      probabilities[k] = (1 - chance) * share + chance / classes;
    }
  }
  return probabilities;
}

/** Scores that `calibratedProbabilities` makes those probabilities of: their logarithms before the calibrator. */
export function uncalibratedScores(
  probabilities: ArrayLike<number>,
  classes: number,
  { temperature, chance }: Calibrator,
): Float32Array {
  return Float32Array.from(probabilities, (probability) => {
    const share = Math.max(0, (probability - chance / classes) / (1 - chance));
    return temperature * Math.log(share);
  });
}

/**
 * The calibrator under which the labels are most probable, given what was thought before (maximum a posteriori). Without
 * rows it is the prior's mean. The share of chance stays above zero: it is fitted as if CHANCE_ROWS more rows had been
 * ruled out, and as many answered rightly.
 * @param scores float [N, classes] of images that the model has not learned from
 * @param labels int [N] in [0, classes)
 */
export function fitCalibrator(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  { prior, chance }: CalibratorOptions,
): Calibrator {
  if (scores.length !== labels.length * classes)
    throw invalidArgument("scores", `${labels.length} rows of ${classes}`, scores.length);
  const own = new Float64Array(labels.length);
  const at = (temperature: number): Calibrator & { readonly loss: number } => {
    ownShares(scores, labels, classes, temperature, own);
    const share = chance ? fitChance(own, classes) : 0;
    let loss = (Math.log(temperature) - prior.mean) ** 2 / (2 * prior.deviation ** 2);
    for (const p of own) loss -= Math.log(Math.max(1e-300, (1 - share) * p + share / classes));
    return { temperature, chance: share, loss };
  };
  const best = minimum((logarithm) => at(Math.exp(logarithm)).loss, -Math.log(MOST), Math.log(MOST));
  const { loss: _loss, ...calibrator } = at(Math.exp(best));
  return calibrator;
}

/** The probability of each row's label: softmax(scores / temperature) at it. */
function ownShares(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  temperature: number,
  own: Float64Array,
): void {
  for (let row = 0; row < own.length; row++) {
    const start = row * classes;
    let largest = Number.NEGATIVE_INFINITY;
    for (let k = start; k < start + classes; k++) largest = Math.max(largest, scores[k]!);
    let sum = 0;
    for (let k = start; k < start + classes; k++) sum += Math.exp((scores[k]! - largest) / temperature);
    own[row] = Math.exp((scores[start + labels[row]!]! - largest) / temperature) / sum;
  }
}

/** The most probable share e of chance in (1 - e) own + e / K: the log-likelihood is concave in e, so its slope is bisected. */
function fitChance(own: Float64Array, classes: number): number {
  const slope = (e: number): number => {
    let sum = CHANCE_ROWS / e - CHANCE_ROWS / (1 - e);
    for (const p of own) sum += (1 / classes - p) / ((1 - e) * p + e / classes);
    return sum;
  };
  let [low, high] = [1e-6, 1 - 1e-6];
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (slope(middle) > 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Where a function of one valley is lowest, by golden section, to 1e-4. */
function minimum(f: (x: number) => number, from: number, to: number): number {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [a, b] = [from, to];
  let [c, d] = [b - ratio * (b - a), a + ratio * (b - a)];
  let [fc, fd] = [f(c), f(d)];
  while (b - a > 1e-4) {
    if (fc <= fd) {
      [b, d, fd] = [d, c, fc];
      c = b - ratio * (b - a);
      fc = f(c);
    } else {
      [a, c, fc] = [c, d, fd];
      d = a + ratio * (b - a);
      fd = f(d);
    }
  }
  return (a + b) / 2;
}
