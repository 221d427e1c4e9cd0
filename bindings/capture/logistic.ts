// Multinomial logistic regression (native/core/logistic), off the calling thread. Arguments are copied before a call
// returns.
import { invalidArgument } from "../errors.ts";
import { type JobControl, MAX_THREADS, nativeFunctions, runJob } from "./job.ts";

const MAX_FEATURES = 4096;
const MAX_CLASSES = 1024;

export interface LogisticOptions {
  /** Number of classes K, 2 to 1024. Not every class need occur. */
  readonly classes: number;
  /** C of scikit-learn's LogisticRegression, 100 by default: the greater, the weaker the penalty. */
  readonly penalty?: number | undefined;
  /** Steps of the search, at most; 2000 by default. */
  readonly iterations?: number | undefined;
  /** The search ends where the gradient is this part of what it was at first; 1e-6 by default. */
  readonly tolerance?: number | undefined;
  /** 1 by default, 64 at most; the model is the same with any number. */
  readonly threads?: number | undefined;
  /** ERR_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/** p = softmax(weight x + bias). */
export interface LogisticModel {
  /** float32 [K, F] */
  readonly weight: Float32Array;
  /** float32 [K] */
  readonly bias: Float32Array;
  /** What was minimised: the sum of cross-entropies (natural logarithm), plus the penalty. */
  readonly objective: number;
  readonly iterations: number;
  /** Whether `tolerance` was reached. */
  readonly converged: boolean;
}

export interface LogisticFunctions {
  fitLogistic(
    features: Float32Array,
    labels: Int32Array,
    options: {
      readonly classes: number;
      readonly c: number;
      readonly iterations: number;
      readonly tolerance: number;
      readonly threads: number;
    },
    control: JobControl,
  ): Promise<LogisticModel>;
}

/**
 * The weights and biases of least sum of cross-entropies + |weight|^2 / (2 penalty), by L-BFGS from zeros on.
 * @param features float32 [N, F], finite, F at most 4096
 * @param labels int32 [N] in [0, classes)
 * @throws ERR_ARGUMENT, ERR_ABORTED, ERR_ADDON_MISSING
 */
export async function fitLogistic(
  features: Float32Array,
  labels: Int32Array,
  options: LogisticOptions,
): Promise<LogisticModel> {
  const { classes, penalty = 100, iterations = 2000, tolerance = 1e-6, threads = 1, signal } = options;
  const width = features.length / labels.length;
  if (!Number.isSafeInteger(width) || width < 1 || width > MAX_FEATURES) {
    throw invalidArgument(
      "features",
      `rows of 1 to ${MAX_FEATURES} numbers, one for each of ${labels.length} labels`,
      `${features.length} numbers`,
    );
  }
  const check = (name: string, value: number, least: number, most: number) => {
    if (!Number.isSafeInteger(value) || value < least || value > most) {
      throw invalidArgument(name, `an integer from ${least} to ${most}`, value);
    }
  };
  check("classes", classes, 2, MAX_CLASSES);
  check("iterations", iterations, 1, 1_000_000);
  check("threads", threads, 1, MAX_THREADS);
  if (!(penalty > 0 && Number.isFinite(penalty)))
    throw invalidArgument("penalty", "a positive number", penalty);
  if (!(tolerance > 0)) throw invalidArgument("tolerance", "a positive number", tolerance);
  const strange = labels.find((label) => label < 0 || label >= classes);
  if (strange !== undefined) {
    throw invalidArgument("labels", `from 0 to ${classes - 1}, as there are ${classes} classes`, strange);
  }
  const native = { classes, c: penalty, iterations, tolerance, threads };
  return runJob({ signal }, (control) =>
    nativeFunctions<LogisticFunctions>("fitLogistic").fitLogistic(features, labels, native, control),
  );
}
