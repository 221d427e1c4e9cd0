// A learned vector for each of V symbols, such as the 256 values of a byte.

import { invalidArgument } from "../../../bindings/errors.ts";
import type { Backend } from "../backend.ts";
import { standardNormal } from "../initializers.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";

export class Embedding extends Module {
  readonly weight: Parameter; // (V, E)

  /** @param symbols V. 257 where a symbol beside the bytes' 256 is needed: indices are then int32 or int64. */
  constructor(symbols: number, size: number) {
    super();
    for (const [name, value] of Object.entries({ symbols, size })) {
      if (!(Number.isInteger(value) && value >= 1)) {
        throw invalidArgument(name, "a whole number above 0", value);
      }
    }
    this.weight = new Parameter([symbols, size], standardNormal);
  }

  /** Indices of any shape below V (uint8, int32, int64) -> (..., E). */
  forward<T>(backend: Backend<T, Parameter>, indices: T): T {
    return backend.embedding(indices, backend.parameter(this.weight));
  }
}
