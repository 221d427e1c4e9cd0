// Two-dimensional transposed convolution with a square kernel: the gradient of a convolution, used to scale up.

import type { Backend } from "../backend.ts";
import { fanInUniform } from "../initializers.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";
import type { ConvolutionOptions } from "./conv1d.ts";

export interface TransposedConvolutionOptions extends ConvolutionOptions {
  /** Rows and columns added at the far edge, where several input sizes would give one output size. */
  readonly outputPadding?: number;
}

export class ConvTranspose2d extends Module {
  readonly weight: Parameter; // (C, O, K, K)
  readonly bias: Parameter; // (O)
  readonly #options: { readonly stride: number; readonly padding: number; readonly outputPadding: number };

  constructor(inputs: number, outputs: number, options: TransposedConvolutionOptions) {
    super();
    const { kernel, stride = 1, padding = 0, outputPadding = 0 } = options;
    // PyTorch takes a weight's second axis for its inputs, which here are the outputs.
    const initializer = fanInUniform(outputs * kernel * kernel);
    this.weight = new Parameter([inputs, outputs, kernel, kernel], initializer);
    this.bias = new Parameter([outputs], initializer);
    this.#options = { stride, padding, outputPadding };
  }

  /** (N, C, H, W) -> (N, O, H', W'), each H' = (H - 1) stride - 2 padding + kernel + outputPadding. */
  forward<T>(backend: Backend<T, Parameter>, x: T): T {
    const [weight, bias] = [backend.parameter(this.weight), backend.parameter(this.bias)];
    return backend.convTranspose2d(x, weight, bias, this.#options);
  }
}
