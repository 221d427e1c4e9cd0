// Which epoch was best, and when waiting for a better one has lasted long enough.
export interface ValidationScore {
  readonly accuracy: number;
  /** Mean cross-entropy, nats. */
  readonly loss: number;
}

export interface BestEpoch extends ValidationScore {
  readonly epoch: number;
}

/** More right answers; with as many, the surer ones. Small validation parts tie often, so the loss decides often. */
export function isBetter(score: ValidationScore, best: ValidationScore | undefined): boolean {
  if (best === undefined || score.accuracy > best.accuracy) return true;
  return score.accuracy === best.accuracy && score.loss < best.loss;
}

/** `patience` epochs have passed since the best; a patience of 0 never ends. */
export function isExhausted(epoch: number, best: BestEpoch | undefined, patience: number): boolean {
  return patience > 0 && best !== undefined && epoch - best.epoch >= patience;
}

/** Accuracy and mean cross-entropy of `probabilities` float32 [n, classes] for `labels` [n]. */
export function validationScore(probabilities: Float32Array, labels: ArrayLike<number>): ValidationScore {
  const classes = probabilities.length / labels.length;
  let correct = 0;
  let loss = 0;
  for (let i = 0; i < labels.length; i++) {
    const row = probabilities.subarray(i * classes, (i + 1) * classes);
    const own = row[labels[i]!]!;
    if (row.indexOf(Math.max(...row)) === labels[i]) correct++;
    loss -= Math.log(Math.max(own, 1e-12)); // float32 rounds a probability below 1e-45 to zero
  }
  return { accuracy: correct / labels.length, loss: loss / labels.length };
}
