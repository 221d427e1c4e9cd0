// PyTorch's default initial values. Source: torch/nn/modules/{linear,conv,rnn,batchnorm,sparse}.py, `reset_parameters`:
// weights by kaiming_uniform with a = sqrt(5), which is uniform in ±1 / sqrt(fan in), and biases in the same bounds;
// LSTM weights and biases uniform in ±1 / sqrt(hidden size); batch norm 1 and 0; embeddings normal.

import type { Initializer } from "./parameter.ts";

/** Uniform in ±1 / sqrt(fanIn). */
export function fanInUniform(fanIn: number): Initializer {
  return { kind: "uniform", bound: 1 / Math.sqrt(fanIn) };
}

/** Mean 0, variance 1. */
export const standardNormal: Initializer = { kind: "normal", deviation: 1 };
export const zeros: Initializer = { kind: "constant", value: 0 };
export const ones: Initializer = { kind: "constant", value: 1 };
