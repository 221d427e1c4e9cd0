// Dropout (Srivastava et al. 2014), scaled in training so that prediction needs no change.

import { invalidArgument } from "../../../bindings/errors.ts";
import type { Backend } from "../backend.ts";
import { Module } from "../module.ts";
import type { Parameter } from "../parameter.ts";

export class Dropout extends Module {
  readonly #probability: number;

  /** @param probability Of dropping an element, in [0, 1). */
  constructor(probability: number) {
    super();
    if (!(probability >= 0 && probability < 1)) {
      throw invalidArgument("probability", "a number in [0, 1)", probability);
    }
    this.#probability = probability;
  }

  forward<T>(backend: Backend<T, Parameter>, x: T): T {
    return backend.dropout(x, this.#probability);
  }
}
