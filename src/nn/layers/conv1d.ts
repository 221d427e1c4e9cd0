// One-dimensional convolution (cross-correlation, as everywhere in deep learning).

import { invalidArgument } from "../../../bindings/errors.ts";
import type { Backend, Convolution1dOptions } from "../backend.ts";
import { fanInUniform } from "../initializers.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";

export interface ConvolutionOptions {
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number;
}

export interface Conv1dOptions extends ConvolutionOptions {
  /** Distance of the kernel's taps; 1 where it is left out. */
  readonly dilation?: number;
  /** Groups of channels that see only their own group; must divide inputs and outputs. Depthwise: as many as inputs. */
  readonly groups?: number;
}

export class Conv1d extends Module {
  readonly weight: Parameter; // (O, C / groups, K)
  readonly bias: Parameter; // (O)
  /** Not among the module's members: it holds no parameter. */
  protected readonly options: Convolution1dOptions;

  constructor(
    inputs: number,
    outputs: number,
    { kernel, stride = 1, padding = 0, dilation = 1, groups = 1 }: Conv1dOptions,
  ) {
    super();
    if (!(Number.isInteger(groups) && groups >= 1 && inputs % groups === 0 && outputs % groups === 0)) {
      throw invalidArgument("groups", `a whole number that divides ${inputs} and ${outputs}`, groups);
    }
    const initializer = fanInUniform((inputs / groups) * kernel);
    this.weight = new Parameter([outputs, inputs / groups, kernel], initializer);
    this.bias = new Parameter([outputs], initializer);
    this.options = { stride, padding, dilation, groups };
  }

  /** (N, C, L) -> (N, O, L'), L' = floor((L + 2 padding - dilation (kernel - 1) - 1) / stride) + 1. */
  forward<T>(backend: Backend<T, Parameter>, x: T): T {
    return backend.conv1d(x, backend.parameter(this.weight), backend.parameter(this.bias), this.options);
  }
}
