// Two-dimensional convolution with a square kernel.

import type { Backend } from "../backend.ts";
import { fanInUniform } from "../initializers.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";
import type { ConvolutionOptions } from "./conv1d.ts";

export class Conv2d extends Module {
  readonly weight: Parameter; // (O, C, K, K)
  readonly bias: Parameter; // (O)
  readonly #options: { readonly stride: number; readonly padding: number };

  constructor(inputs: number, outputs: number, { kernel, stride = 1, padding = 0 }: ConvolutionOptions) {
    super();
    const initializer = fanInUniform(inputs * kernel * kernel);
    this.weight = new Parameter([outputs, inputs, kernel, kernel], initializer);
    this.bias = new Parameter([outputs], initializer);
    this.#options = { stride, padding };
  }

  /** (N, C, H, W) -> (N, O, H', W'), each H' = floor((H + 2 padding - kernel) / stride) + 1. */
  forward<T>(backend: Backend<T, Parameter>, x: T): T {
    return backend.conv2d(x, backend.parameter(this.weight), backend.parameter(this.bias), this.#options);
  }
}
