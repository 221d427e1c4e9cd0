// One-dimensional convolution over the steps of a sequence whose features lie last.

import type { Backend } from "../backend.ts";
import type { Parameter } from "../parameter.ts";
import { Conv1d } from "./conv1d.ts";

/** `Conv1d` on (N, T, C) instead of (N, C, T): the same weights, the same numbers. */
export class SequenceConv extends Conv1d {
  /** (N, T, C) -> (N, T', O), T' = floor((T + 2 padding - dilation (kernel - 1) - 1) / stride) + 1. */
  override forward<T>(backend: Backend<T, Parameter>, x: T): T {
    const [weight, bias] = [backend.parameter(this.weight), backend.parameter(this.bias)];
    return backend.sequenceConv(x, weight, bias, this.options);
  }
}
