// Fully connected layer: y = x Wᵀ + b.

import type { Backend } from "../backend.ts";
import { fanInUniform } from "../initializers.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";

export class Linear extends Module {
  readonly weight: Parameter; // (O, I)
  readonly bias: Parameter; // (O)

  constructor(inputs: number, outputs: number) {
    super();
    this.weight = new Parameter([outputs, inputs], fanInUniform(inputs));
    this.bias = new Parameter([outputs], fanInUniform(inputs));
  }

  /** (N, I) -> (N, O). */
  forward<T>(backend: Backend<T, Parameter>, x: T): T {
    return backend.linear(x, backend.parameter(this.weight), backend.parameter(this.bias));
  }
}
