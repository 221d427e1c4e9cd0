// The Adam optimizer (Kingma and Ba 2015, algorithm 1, with PyTorch's placing of epsilon), stepped in native code; with
// decoupled weight decay it is AdamW (Loshchilov and Hutter 2019). And averages of weights over steps.

import { FlowglyphError, invalidArgument } from "../errors.ts";
import { type AdamHandle, torch } from "./native.ts";
import { Tensor } from "./tensor.ts";

export interface AdamOptions {
  readonly learningRate: number;
  /** Decay rates of the first and second moment, each in [0, 1). */
  readonly betas?: readonly [number, number];
  /** Added to the root of the second moment. */
  readonly epsilon?: number;
  /**
   * Before each step, this share of a parameter times the learning rate is taken off it: one number for all parameters,
   * or one for each. 0 where it is left out.
   */
  readonly weightDecay?: number | readonly number[];
  /** Where the norm of all gradients together is larger, they are scaled down to it. No bound where it is left out. */
  readonly clipNorm?: number;
}

/** All that a resumed run needs besides the parameters. `moments[2 * i]` and `[2 * i + 1]` belong to parameter i. */
export interface AdamState {
  readonly steps: number;
  readonly moments: readonly Float32Array[];
}

/** Moves each average towards its tensor: average += share (tensor - average). Of the same shape, pair by pair. */
export function updateAverages(averages: readonly Tensor[], tensors: readonly Tensor[], share: number): void {
  torch().updateAverages(
    averages.map((average) => average.handle),
    tensors.map((tensor) => tensor.handle),
    share,
  );
}

/** One Adam over float32 parameters (leaves that require gradients, on one device). */
export class Adam {
  readonly #handle: AdamHandle;
  readonly #parameters: readonly Tensor[];

  constructor(parameters: readonly Tensor[], options: AdamOptions) {
    const { learningRate, betas = [0.9, 0.999], epsilon = 1e-8 } = options;
    if (!(learningRate > 0 && Number.isFinite(learningRate))) {
      throw invalidArgument("learningRate", "a positive number", learningRate);
    }
    if (!betas.every((beta) => beta >= 0 && beta < 1)) {
      throw invalidArgument("betas", "two numbers in [0, 1)", `[${betas.join(", ")}]`);
    }
    if (!(epsilon >= 0 && Number.isFinite(epsilon))) {
      throw invalidArgument("epsilon", "a number of at least 0", epsilon);
    }
    const { weightDecay = 0, clipNorm = Number.POSITIVE_INFINITY } = options;
    const decays = typeof weightDecay === "number" ? parameters.map(() => weightDecay) : weightDecay;
    if (decays.length !== parameters.length) {
      throw invalidArgument("weightDecay", `${parameters.length} numbers, one a parameter`, decays.length);
    }
    const wrong = decays.find((decay) => !(decay >= 0 && Number.isFinite(decay)));
    if (wrong !== undefined) throw invalidArgument("weightDecay", "a number of at least 0", wrong);
    if (!(clipNorm > 0)) throw invalidArgument("clipNorm", "a positive number", clipNorm);
    this.#parameters = parameters;
    this.#handle = torch().makeAdam(
      parameters.map((parameter) => parameter.handle),
      learningRate,
      betas[0],
      betas[1],
      epsilon,
      decays,
      clipNorm,
    );
  }

  /** Number of steps taken. */
  get steps(): number {
    return torch().adamSteps(this.#handle);
  }

  setLearningRate(learningRate: number): void {
    torch().setAdamLearningRate(this.#handle, learningRate);
  }

  /** Moves every parameter that has a gradient. */
  step(): void {
    torch().adamStep(this.#handle);
  }

  /** Forgets the parameters' gradients. */
  zeroGrad(): void {
    torch().adamZeroGrad(this.#handle);
  }

  /** A copy of the optimizer's state; exact: `loadState` with it continues to the same bits. */
  state(): AdamState {
    const moments = torch()
      .adamMoments(this.#handle)
      .map((handle) => {
        const tensor = new Tensor(handle);
        const values = tensor.toFloat32Array();
        tensor.dispose();
        return values;
      });
    return { steps: this.steps, moments };
  }

  loadState(state: AdamState): void {
    const sizes = this.#parameters.flatMap((parameter) => [parameter.elements, parameter.elements]);
    const received = state.moments.map((moment) => moment.length);
    if (sizes.length !== received.length || sizes.some((size, index) => size !== received[index])) {
      throw new FlowglyphError(
        "ERR_ARGUMENT",
        `Expected moments of ${sizes.length} arrays of [${sizes.join(", ")}] elements but received [${received.join(", ")}]`,
      );
    }
    const moments = state.moments.map((moment) => Tensor.fromBuffer(moment));
    torch().setAdamState(
      this.#handle,
      state.steps,
      moments.map((moment) => moment.handle),
    );
    for (const moment of moments) {
      moment.dispose();
    }
  }
}
