// How many verdicts are wrong when only the surest are given, and what can be promised of it from a few labelled images:
// the table behind the verdict `unknown`. Pure functions.
//
// The promise. Verdicts are given where the probability is above a level's threshold. Of images that the model has not
// learned from, drawn as new sessions are, each level counts verdicts and wrong ones; given the threshold, the wrong ones are
// binomial, so Clopper and Pearson's upper limit (Biometrika 26, 1934) bounds the share of wrong verdicts. The levels are
// fixed beforehand as shares of the images, and the confidence is divided among them (Bonferroni), so that all limits hold
// at once, and a level may be chosen after looking.
import { invalidArgument } from "../../bindings/errors.ts";

/** Verdicts on those images whose best class is more probable than `threshold`. */
export interface RiskLevel {
  readonly threshold: number;
  readonly given: number;
  /** Of those given. */
  readonly wrong: number;
}

export interface PromisedLevel extends RiskLevel {
  /** Share of wrong verdicts that is not exceeded, with the confidence asked for, at all levels at once. */
  readonly error: number;
}

/** Shares of the images on which a verdict is given. More levels would cost each of them confidence. */
export const COVERAGES = [1, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2] as const;

/** What promises are made with where nobody says otherwise. */
export const CONFIDENCE = 0.9;

// A file's probabilities and those of the model itself differ in the last places; images of one leaf share a probability,
// and must all fall on the same side.
const SLACK = 1e-4;

/**
 * One level a coverage, from all verdicts to few. Equal probabilities fall on one side, so a level may give fewer.
 * @param probabilities float [N, classes] of images that the model has not learned from
 * @param labels int [N]
 */
export function riskLevels(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
): RiskLevel[] {
  const verdicts = bestOf(probabilities, labels, classes).sort((a, b) => b.probability - a.probability);
  return COVERAGES.map((coverage) => {
    // Of one image more than is wanted: those above it are drawn from all that are above it.
    const next = verdicts[Math.ceil(coverage * verdicts.length)];
    const given = next === undefined ? verdicts : verdicts.filter((v) => v.probability > next.probability);
    const gap = (given.at(-1)?.probability ?? 1) - (next?.probability ?? 0);
    const threshold = next === undefined ? 0 : next.probability + Math.min(SLACK, gap / 2);
    return { threshold, given: given.length, wrong: given.filter((v) => v.wrong).length };
  });
}

interface Verdict {
  readonly probability: number;
  readonly wrong: boolean;
}

function bestOf(probabilities: ArrayLike<number>, labels: ArrayLike<number>, classes: number): Verdict[] {
  return Array.from({ length: labels.length }, (_, row) => {
    let best = 0;
    for (let k = 1; k < classes; k++)
      if (probabilities[row * classes + k]! > probabilities[row * classes + best]!) best = k;
    return { probability: probabilities[row * classes + best]!, wrong: best !== labels[row] };
  });
}

/** The levels with what can be promised of each. */
export function promisedLevels(levels: readonly RiskLevel[], confidence = CONFIDENCE): PromisedLevel[] {
  if (!(confidence > 0 && confidence < 1))
    throw invalidArgument("confidence", "a number between 0 and 1", confidence);
  return levels.map((level) => ({
    ...level,
    error: errorLimit(level.wrong, level.given, (1 - confidence) / levels.length),
  }));
}

/** The level that gives most verdicts of those that promise at most `error`; undefined where none does. */
export function levelFor(
  levels: readonly RiskLevel[],
  error: number,
  confidence = CONFIDENCE,
): PromisedLevel | undefined {
  if (!(error > 0 && error < 1)) throw invalidArgument("error", "a share between 0 and 1", error);
  const kept = promisedLevels(levels, confidence).filter((level) => level.error <= error);
  return kept.length === 0
    ? undefined
    : kept.reduce((best, level) => (level.threshold < best.threshold ? level : best));
}

/** What a level did on images with labels. */
export interface MeasuredLevel {
  /** The error that was asked for. */
  readonly asked: number;
  /** Undefined where so little cannot be promised; so are the next two. */
  readonly level?: PromisedLevel;
  /** Share of the images on which no verdict is given. */
  readonly unknown?: number;
  /** Share of the verdicts given that are wrong; 0 where none is given. */
  readonly wrong?: number;
}

/** The errors that reports tell about. */
export const ASKED_ERRORS = [0.01, 0.02, 0.05, 0.1, 0.2] as const;

/** What asking for each of `errors` does on other images: probabilities float [N, classes], labels int [N]. */
export function measureLevels(
  levels: readonly RiskLevel[],
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  errors: readonly number[] = ASKED_ERRORS,
): MeasuredLevel[] {
  const verdicts = bestOf(probabilities, labels, classes);
  return errors.map((asked) => {
    const level = levelFor(levels, asked);
    if (level === undefined) return { asked };
    const given = verdicts.filter(({ probability }) => probability > level.threshold);
    return {
      asked,
      level,
      unknown: 1 - given.length / Math.max(1, verdicts.length),
      wrong: given.filter((verdict) => verdict.wrong).length / Math.max(1, given.length),
    };
  });
}

/** Clopper and Pearson's upper limit: the error rate at which `wrong` or fewer of `given` are as improbable as `doubt`. */
export function errorLimit(wrong: number, given: number, doubt: number): number {
  if (wrong >= given) return 1;
  let [low, high] = [wrong / given, 1];
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (atMost(wrong, given, middle) > doubt) low = middle;
    else high = middle;
  }
  return high;
}

/** Probability of `wrong` or fewer successes in `given` draws of probability p. */
function atMost(wrong: number, given: number, p: number): number {
  let logTerm = given * Math.log1p(-p);
  let sum = Math.exp(logTerm);
  for (let k = 1; k <= wrong; k++) {
    logTerm += Math.log((given - k + 1) / k) + Math.log(p) - Math.log1p(-p);
    sum += Math.exp(logTerm);
  }
  return sum;
}
