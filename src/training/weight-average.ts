// An exponential moving average of a phase's weights over its steps (Polyak and Juditsky 1992): noise of single steps
// averages out. Buffers, such as running statistics, are averages already and stay as they are.
import { invalidArgument } from "../../bindings/errors.ts";
import { scope, Tensor, updateAverages } from "../../bindings/torch/index.ts";
import type { WeightAverageOptions } from "../models/model.ts";
import type { StateDict } from "../nn/module.ts";
import type { Parameter } from "../nn/parameter.ts";
import type { TorchBackend } from "../nn/torch-backend.ts";

export class WeightAverage {
  readonly #backend: TorchBackend;
  readonly #parameters: readonly Parameter[];
  #averages: readonly Tensor[];
  readonly #decay: number;

  /** Starts at the parameters' present values, or at those of a checkpoint. */
  constructor(
    backend: TorchBackend,
    parameters: readonly Parameter[],
    { decay }: WeightAverageOptions,
    saved: StateDict | undefined,
  ) {
    if (!(decay >= 0 && decay < 1)) throw invalidArgument("average.decay", "a number in [0, 1)", decay);
    this.#backend = backend;
    this.#parameters = parameters;
    this.#decay = decay;
    this.#averages = parameters.map((parameter) => {
      const values = saved?.get(parameter.path) ?? parameter.values();
      return scope(() =>
        Tensor.fromBuffer(values, parameter.shape).to({ device: backend.device }).clone(),
      ).keep();
    });
  }

  /** After a step: `step` counts those of the phase before it. */
  update(step: number): void {
    const decay = Math.min(this.#decay, (1 + step) / (10 + step));
    updateAverages(this.#averages, this.#backend.tensors(this.#parameters), 1 - decay);
  }

  /** Runs `body` with the averages in place of the parameters' values. Nothing is copied. */
  async within<R>(body: () => Promise<R>): Promise<R> {
    this.#exchange();
    try {
      return await body();
    } finally {
      this.#exchange();
    }
  }

  /** As `within`, at once. */
  withinSync<R>(body: () => R): R {
    this.#exchange();
    try {
      return body();
    } finally {
      this.#exchange();
    }
  }

  #exchange(): void {
    this.#averages = this.#parameters.map((parameter, i) =>
      this.#backend.exchange(parameter, this.#averages[i]!),
    );
  }

  /** Copies, by path. */
  stateDict(): StateDict {
    return new Map(this.#parameters.map(({ path }, i) => [path, this.#averages[i]!.toFloat32Array()]));
  }

  dispose(): void {
    for (const average of this.#averages) average.dispose();
  }
}
