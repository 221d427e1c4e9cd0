// What the trainer and the exporter know of a model. There are two kinds: a network (its parameters, its forward pass and
// its training phases), and a fitted model (computed from its images as it stands, without gradients: fitted.ts). To add
// one: a file that makes a TrainableModel or a FittedModel, one row in registry.ts.

import type { Generator, Tensor } from "../../bindings/torch/index.ts";
import type { Backend } from "../nn/backend.ts";
import type { Module } from "../nn/module.ts";
import type { Parameter } from "../nn/parameter.ts";
import type { TorchBackend } from "../nn/torch-backend.ts";
import type { FittedRow } from "./fitted.ts";

/** Side of the images that every model takes: uint8 (N, 28, 28). */
export const imageSide = 28;

export interface TrainableModel {
  /** The root of the module tree: every parameter and buffer. What a checkpoint holds and a device adopts. */
  readonly root: Module;
  /** Number of classes K. */
  readonly classes: number;
  /** Images uint8 (N, 28, 28) -> logits (N, K). The only forward pass that leaves for ONNX. */
  logits<T>(backend: Backend<T, Parameter>, images: T): T;
  /** In the order in which they run; the last one is supervised. */
  readonly phases: readonly TrainingPhase[];
}

/** One stage of training: which images it wants, and what one step does with a batch of them. */
export interface TrainingPhase {
  /** Stable, shown to people and kept in the history, e.g. `adversarial`, `supervised`. */
  readonly name: string;
  /**
   * Which training images make its batches: `all` the unlabelled and the labelled, without their labels;
   * `labelled` the labelled alone, with labels; `joint` a labelled batch beside an unlabelled one.
   */
  readonly data: "all" | "labelled" | "joint";
  /** Whether early stopping by validation accuracy makes sense here. */
  readonly supervised: boolean;
  /** The optimizers that its step uses, by name; each is an Adam of its own. */
  readonly optimizers: Readonly<Record<string, PhaseOptimizer>>;
  /**
   * One step. Returns scalars to record, already detached, by name (`loss` and `correct` in a supervised phase: the mean
   * loss and the number of right answers). Runs inside a scope that the trainer opens.
   */
  step(tools: StepTools, batch: PhaseBatch): Record<string, Tensor>;
}

export interface PhaseOptimizer {
  readonly parameters: readonly Parameter[];
  readonly learningRate: number;
  readonly betas: readonly [number, number];
}

export interface StepTools {
  readonly backend: TorchBackend;
  /** The source of every random number of the step, on the backend's device. */
  readonly random: Generator;
  /** Forgets the gradients of the named optimizer's parameters, runs `loss.backward()`, and steps that optimizer. */
  minimize(optimizer: string, loss: Tensor): void;
}

export interface PhaseBatch {
  /** uint8 (N, 28, 28) on the backend's device. */
  readonly images: Tensor;
  /** int64 (N): with `labelled` and `joint` data. */
  readonly labels?: Tensor;
  /** uint8 (M, 28, 28): with `joint` data. */
  readonly unlabelledImages?: Tensor;
}

/**
 * How the phases without labels are run: `paper` the game as published; `stable` the game, and a trunk that learns to tell
 * images apart; `contrast` the latter alone (docs/adversarial.md). Models without a game have one way only.
 */
export type Recipe = "paper" | "stable" | "contrast";

export type AnyOptions = { readonly [name: string]: unknown };

/** What every row of the registry says: a model by name, and its options. */
export interface ModelDescription<Options extends object = AnyOptions> {
  readonly name: string;
  readonly description: string;
  readonly options: { readonly [Name in keyof Options]: ModelOption<Options[Name]> };
}

/** A row of the registry: a network has `create`, a fitted model has `fit`. */
export type ModelRow<Options extends object = AnyOptions> = NetworkRow<Options> | FittedRow<Options>;

export interface NetworkRow<Options extends object = AnyOptions> extends ModelDescription<Options> {
  /** The options are complete and checked. */
  create(request: {
    readonly classes: number;
    readonly seed: number;
    readonly learningRate: number;
    readonly recipe: Recipe;
    readonly options: Options;
  }): TrainableModel;
}

export interface ModelOption<T> {
  readonly default: T;
  /** What it does, and why the default. */
  readonly about: string;
  /** For messages: `a number in [0, 1)`. */
  readonly expected: string;
  readonly check: (value: unknown) => boolean;
}
