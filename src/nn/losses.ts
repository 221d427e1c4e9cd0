// Losses of the training phases, over libtorch alone: a traced graph has none. All are means over the batch.

import { Tensor } from "../../bindings/torch/index.ts";

/** Softmax cross-entropy of logits (N, K) against int64 classes (N). */
export function crossEntropy(logits: Tensor, classes: Tensor): Tensor {
  return logits.crossEntropy(classes);
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
