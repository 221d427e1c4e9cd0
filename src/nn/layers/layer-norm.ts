// Layer normalisation (Ba et al. 2016) over the last axis: the features of one step.

import type { Backend } from "../backend.ts";
import { ones, zeros } from "../initializers.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";

// PyTorch's default.
const options = { epsilon: 1e-5 } as const;

export class LayerNorm extends Module {
  readonly weight: Parameter; // (C)
  readonly bias: Parameter; // (C)

  constructor(features: number) {
    super();
    this.weight = new Parameter([features], ones);
    this.bias = new Parameter([features], zeros);
  }

  /** (..., C), same shape. */
  forward<T>(backend: Backend<T, Parameter>, x: T): T {
    return backend.layerNorm(x, backend.parameter(this.weight), backend.parameter(this.bias), options);
  }
}
