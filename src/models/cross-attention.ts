// Single-head scaled dot-product attention (Vaswani et al. 2017, section 3.2.1) from one sequence to another.

import type { Backend } from "../nn/backend.ts";
import { Linear } from "../nn/layers/linear.ts";
import { Module } from "../nn/module.ts";
import type { Parameter } from "../nn/parameter.ts";

export interface CrossAttentionSizes {
  /** Features a step of the sequence that asks. */
  readonly queries: number;
  /** Features a step of the sequence that is asked. */
  readonly keys: number;
  /** Features of a query, a key and an answer. */
  readonly size: number;
}

export class CrossAttention extends Module {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly size: number;

  constructor({ queries, keys, size }: CrossAttentionSizes) {
    super();
    this.query = new Linear(queries, size);
    this.key = new Linear(keys, size);
    this.value = new Linear(keys, size);
    this.size = size;
  }

  /** (N, T, queries), (N, T, keys) -> (N, T, size). */
  forward<T>(backend: Backend<T, Parameter>, asking: T, asked: T, steps: number): T {
    const query = this.#project(backend, this.query, asking, steps); // (N, T, A)
    const key = this.#project(backend, this.key, asked, steps); // (N, T, A)
    const value = this.#project(backend, this.value, asked, steps); // (N, T, A)
    const scores = backend.matmul(query, backend.permute(key, [0, 2, 1])); // (N, T, T)
    const weights = backend.softmax(backend.affine(scores, 1 / Math.sqrt(this.size), 0), 2);
    return backend.matmul(weights, value);
  }

  /** The same linear layer at every step: (N, T, I) -> (N, T, A). */
  #project<T>(backend: Backend<T, Parameter>, layer: Linear, x: T, steps: number): T {
    const inputs = layer.weight.shape[1]!;
    const flat = layer.forward(backend, backend.reshape(x, [-1, inputs])); // (N T, A)
    return backend.reshape(flat, [-1, steps, this.size]);
  }
}
