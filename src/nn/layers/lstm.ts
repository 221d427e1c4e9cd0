// Long short-term memory (Hochreiter and Schmidhuber 1997, with forget gates), one layer, one direction or both.

import type { Backend, LstmWeights } from "../backend.ts";
import { fanInUniform } from "../initializers.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";

/** The weights of one direction; gates in the order input, forget, cell, output. */
class LstmDirection extends Module {
  readonly inputHidden: Parameter; // (4H, I)
  readonly hiddenHidden: Parameter; // (4H, H)
  readonly inputBias: Parameter; // (4H)
  readonly hiddenBias: Parameter; // (4H)

  constructor(inputs: number, hidden: number) {
    super();
    const initializer = fanInUniform(hidden);
    this.inputHidden = new Parameter([4 * hidden, inputs], initializer);
    this.hiddenHidden = new Parameter([4 * hidden, hidden], initializer);
    this.inputBias = new Parameter([4 * hidden], initializer);
    this.hiddenBias = new Parameter([4 * hidden], initializer);
  }

  weights<T>(backend: Backend<T, Parameter>): LstmWeights<T> {
    return {
      inputHidden: backend.parameter(this.inputHidden),
      hiddenHidden: backend.parameter(this.hiddenHidden),
      inputBias: backend.parameter(this.inputBias),
      hiddenBias: backend.parameter(this.hiddenBias),
    };
  }
}

export class Lstm extends Module {
  /** Forward, and then reverse where bidirectional. */
  readonly directions: readonly LstmDirection[];
  readonly hidden: number;

  constructor(inputs: number, hidden: number, options: { readonly bidirectional?: boolean } = {}) {
    super();
    this.hidden = hidden;
    this.directions = Array.from(
      { length: options.bidirectional ? 2 : 1 },
      () => new LstmDirection(inputs, hidden),
    );
  }

  /** Features of one step: H for each direction. */
  get outputs(): number {
    return this.directions.length * this.hidden;
  }

  /** (N, T, I) -> (N, T, D H), from zero states. */
  forward<T>(backend: Backend<T, Parameter>, x: T): T {
    const weights = this.directions.map((direction) => direction.weights(backend));
    return backend.lstm(x, weights, this.hidden);
  }

  /**
   * The state of each direction after its last step, beside each other: (N, T, D H) -> (N, D H). The reverse direction
   * ends at step 0.
   * @param steps T.
   */
  finalStates<T>(backend: Backend<T, Parameter>, states: T, steps: number): T {
    if (this.directions.length === 1) {
      return backend.select(states, 1, -1);
    }
    const apart = backend.reshape(states, [-1, steps, this.directions.length, this.hidden]); // (N, T, D, H)
    const ends = this.directions.map((_, direction) =>
      backend.select(backend.select(apart, 2, direction), 1, direction === 0 ? -1 : 0),
    );
    return backend.concat(ends, 1);
  }
}
