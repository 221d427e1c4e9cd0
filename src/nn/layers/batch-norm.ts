// Batch normalisation (Ioffe and Szegedy 2015) over axis 1 of (N, C, ...).

import type { Backend } from "../backend.ts";
import { ones, zeros } from "../initializers.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";

// PyTorch's defaults. momentum: the share of the new batch in the running statistics.
const options = { momentum: 0.1, epsilon: 1e-5 } as const;

export class BatchNorm extends Module {
  readonly weight: Parameter; // (C)
  readonly bias: Parameter; // (C)
  readonly runningMean: Parameter; // (C)
  readonly runningVariance: Parameter; // (C), of the unbiased estimate

  constructor(channels: number) {
    super();
    this.weight = new Parameter([channels], ones);
    this.bias = new Parameter([channels], zeros);
    this.runningMean = new Parameter([channels], zeros, false);
    this.runningVariance = new Parameter([channels], ones, false);
  }

  /** Same shape. By the batch's statistics in training, else by the running ones. */
  forward<T>(backend: Backend<T, Parameter>, x: T): T {
    return backend.batchNorm(
      x,
      backend.parameter(this.weight),
      backend.parameter(this.bias),
      backend.parameter(this.runningMean),
      backend.parameter(this.runningVariance),
      options,
    );
  }
}
