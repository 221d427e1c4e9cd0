// Losses of the training phases, over libtorch alone: a traced graph has none. All are means over the batch.

import { Tensor } from "../../bindings/torch/index.ts";

/** Softmax cross-entropy of logits (N, K) against int64 classes (N). */
export function crossEntropy(logits: Tensor, classes: Tensor): Tensor {
  return logits.crossEntropy(classes);
}

export interface RowLossOptions {
  /** float32 (N): what each row's loss counts, 1 where they are left out. The mean stays one over N rows. */
  readonly weights?: Tensor;
}

const weightedMean = (rows: Tensor, { weights }: RowLossOptions) =>
  (weights === undefined ? rows : rows.multiply(weights)).mean();

/**
 * Softmax cross-entropy of logits (N, K) against probabilities (N, K) (a teacher's, a mixture's) or int64 classes (N).
 * @param options `labelSmoothing`: share of a target that goes to all K classes alike (Szegedy et al. 2016), in [0, 1].
 */
export function softCrossEntropy(
  logits: Tensor,
  target: Tensor,
  options: RowLossOptions & { readonly labelSmoothing?: number } = {},
): Tensor {
  return weightedMean(logits.crossEntropyRows(target, options.labelSmoothing), options);
}

/** Kullback-Leibler divergence of softmax(logits), (N, K), from probabilities (N, K): 0 where they are the same. */
export function klDivergence(logits: Tensor, target: Tensor, options: RowLossOptions = {}): Tensor {
  return weightedMean(logits.klDivergenceRows(target), options);
}

/** Rows of the first two axes of (N, T, ...), at places n T + t, int64 (M) -> (M, ...). */
export function rowsAt(x: Tensor, places: Tensor): Tensor {
  const [, , ...rest] = x.shape;
  return x.reshape([-1, ...rest]).indexSelect(0, places);
}

/**
 * Prediction of hidden bytes (Devlin et al. 2019, masked language model): cross-entropy at the hidden places alone.
 * @param options `features`: (N, T, C). `places`: int64 (M), n T + t. `bytes`: the true ones, integers of N T elements.
 *   `predict`: (M, C) -> logits (M, V).
 */
export function maskedByteLoss(options: {
  readonly features: Tensor;
  readonly places: Tensor;
  readonly bytes: Tensor;
  predict(rows: Tensor): Tensor;
}): Tensor {
  const { features, places, bytes, predict } = options;
  const target = bytes.reshape([-1]).indexSelect(0, places).to({ dtype: "int64" });
  return crossEntropy(predict(rowsAt(features, places)), target);
}

/** Negative log-likelihood of log-probabilities (N, K) against int64 classes (N). */
export function negativeLogLikelihood(logProbabilities: Tensor, classes: Tensor): Tensor {
  return logProbabilities.nll(classes);
}

/** Binary cross-entropy of logits against one target for all: 1 real, 0 generated. */
export function realness(logits: Tensor, target: 0 | 1): Tensor {
  return logits.bceWithLogits(Tensor.full(logits.shape, target, { device: logits.device }));
}

/** Binary cross-entropy of logits against targets in [0, 1] of the same shape. */
export function binaryCrossEntropy(logits: Tensor, target: Tensor): Tensor {
  return logits.bceWithLogits(target);
}

/** Mean absolute error. */
export function meanAbsoluteError(prediction: Tensor, target: Tensor): Tensor {
  return prediction.l1(target);
}

/** Mean squared error. */
export function meanSquaredError(prediction: Tensor, target: Tensor): Tensor {
  return prediction.mse(target);
}

/**
 * log(sum(exp(x))) of each row: (N, K) -> (N). Of logits of any size, as each logit minus its log-probability is this sum;
 * the rounding is that of the first logit and of the result.
 */
export function logSumExp(logits: Tensor): Tensor {
  return logits.select(1, 0).subtract(logits.logSoftmax(1).select(1, 0));
}

/** Number of rows whose largest logit is at their class, as a scalar tensor. */
export function correctCount(logits: Tensor, classes: Tensor): Tensor {
  return logits.detach().argmax(1).equal(classes).sum();
}
