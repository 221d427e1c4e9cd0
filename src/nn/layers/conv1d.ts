// One-dimensional convolution (cross-correlation, as everywhere in deep learning).

import type { Backend } from "../backend.ts";
import { fanInUniform } from "../initializers.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";

export interface ConvolutionOptions {
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number;
}

export class Conv1d extends Module {
  readonly weight: Parameter; // (O, C, K)
  readonly bias: Parameter; // (O)
  readonly #options: { readonly stride: number; readonly padding: number };

  constructor(inputs: number, outputs: number, { kernel, stride = 1, padding = 0 }: ConvolutionOptions) {
    super();
    const initializer = fanInUniform(inputs * kernel);
    this.weight = new Parameter([outputs, inputs, kernel], initializer);
    this.bias = new Parameter([outputs], initializer);
    this.#options = { stride, padding };
  }

  /** (N, C, L) -> (N, O, L'), L' = floor((L + 2 padding - kernel) / stride) + 1. */
  forward<T>(backend: Backend<T, Parameter>, x: T): T {
    return backend.conv1d(x, backend.parameter(this.weight), backend.parameter(this.bias), this.#options);
  }
}
