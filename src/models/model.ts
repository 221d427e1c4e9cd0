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
  /** Images that it sees at most, evenly chosen from more; all where it is left out. */
  readonly maxImages?: number;
  /** Steps of an epoch at most: with more images than they take an epoch is a part of a pass, and time is bounded. */
  readonly maxEpochSteps?: number;
  /** How many times the configuration's `minEpochSteps` an epoch has at least; 1 where it is left out. */
  readonly minEpochFactor?: number;
  /** Whether early stopping by validation accuracy makes sense here. */
  readonly supervised: boolean;
  /** The optimizers that its step uses, by name; each is an Adam of its own. */
  readonly optimizers: Readonly<Record<string, PhaseOptimizer>>;
  /**
   * Whose weights the phase leaves: those of the `best` validated epoch, or of the `last`. `best` where it is left out,
   * `last` where a learning rate follows a schedule: it is made to end where the schedule does, and never stops early.
   */
  readonly keep?: "best" | "last";
  /** An average of the trained weights over the steps, which is what is validated, kept and exported. */
  readonly average?: WeightAverageOptions;
  /**
   * Called when the phase is entered, before its first step: fits what is computed at once and not by gradients, and keeps
   * what the steps need and no checkpoint holds. The same for the same images, seed and threads.
   */
  prepare?(tools: PrepareTools): Promise<void>;
  /** Called when the phase is left, however: frees what `prepare` kept. */
  release?(): void;
  /**
   * One step. Returns scalars to record, already detached, by name (`loss` and `correct` in a supervised phase: the mean
   * loss and the number of right answers). Runs inside a scope that the trainer opens.
   */
  step(tools: StepTools, batch: PhaseBatch): Record<string, Tensor>;
}

export interface PrepareTools {
  readonly backend: TorchBackend;
  /** uint8 [rows, 784], a copy: all images that the phase will see, of `joint` data the labelled ones. */
  readonly images: Uint8Array<ArrayBuffer>;
  /** Their classes, in a phase that has labels. */
  readonly labels: Int32Array | undefined;
  readonly seed: number;
  readonly threads: number;
  readonly signal: AbortSignal | undefined;
  /** Whether the phase goes on from a checkpoint, which holds all parameters and buffers as `prepare` and the steps left them. */
  readonly resumed: boolean;
}

export interface PhaseOptimizer {
  readonly parameters: readonly Parameter[];
  readonly learningRate: number;
  readonly betas: readonly [number, number];
  /** Decoupled weight decay (AdamW), times the learning rate; 0 where it is left out. */
  readonly weightDecay?: number;
  /** Which parameters decay; where it is left out, those of two axes or more, so neither biases nor norms. */
  readonly decays?: (parameter: Parameter) => boolean;
  /** Bound on the norm of all its gradients together. */
  readonly clipNorm?: number;
  /** Images of the phase from which on the learning rate is whole: fewer have their share of it. Whole where it is left out. */
  readonly fullRateImages?: number;
  /** How the learning rate changes over the phase; constant where it is left out. */
  readonly schedule?: LearningRateSchedule;
}

/**
 * A rise to the learning rate and a fall along half a cosine, over all steps of the phase (schedules.ts has some).
 */
export interface LearningRateSchedule {
  /** Share of the steps in which the rate rises, in [0, 1). */
  readonly warmUp: number;
  readonly rise: "linear" | "cosine";
  /** At the first and at the last step, as shares of the learning rate. */
  readonly start: number;
  readonly end: number;
}

export interface WeightAverageOptions {
  /** Exponential: what remains of the average at each step, in [0, 1). Early, (1 + step) / (10 + step) where that is less. */
  readonly decay: number;
}

export interface StepTools {
  readonly backend: TorchBackend;
  /** The source of every random number of the step, on the backend's device. */
  readonly random: Generator;
  /** Forgets the gradients of the named optimizer's parameters, runs `loss.backward()`, and steps that optimizer. */
  minimize(optimizer: string, loss: Tensor): void;
  /** Runs `body` with the averaged weights in place of the trained ones, without gradients; where the phase has `average`. */
  averaged?<R>(body: () => R): R;
}

export interface PhaseBatch {
  /** uint8 (N, 28, 28) on the backend's device. */
  readonly images: Tensor;
  /** int64 (N): which of the images that `prepare` saw these are; with `all` data, where the phase has `prepare`. */
  readonly places?: Tensor;
  /** int64 (N): with `labelled` and `joint` data. */
  readonly labels?: Tensor;
  /** uint8 (M, 28, 28): with `joint` data. */
  readonly unlabelledImages?: Tensor;
}

/**
 * How a network with a game is trained: `paper` as published; `stable` without the game, by fingerprints of sessions and from
 * a linear start (docs/adversarial.md). Models without a game have one way only.
 */
export type Recipe = "paper" | "stable";

export type AnyOptions = { readonly [name: string]: unknown };

/** What every row of the registry says: a model by name, and its options. */
export interface ModelDescription<Options extends object = AnyOptions> {
  readonly name: string;
  readonly description: string;
  readonly options: { readonly [Name in keyof Options]: ModelOption<Options[Name]> };
}

/** A row of the registry: a network has `create`, a fitted model has `fit`. */
export type ModelRow<Options extends object = AnyOptions> = NetworkRow<Options> | FittedRow<Options>;

/** Training options whose defaults a model may have of its own. */
export interface TrainingDefaults {
  readonly batchSize?: number;
  readonly learningRate?: number;
  readonly pretrainEpochs?: number;
  readonly epochs?: number;
  readonly minEpochSteps?: number;
  readonly validationShare?: number;
}

export interface NetworkRow<Options extends object = AnyOptions> extends ModelDescription<Options> {
  /** Where it is trained otherwise than CLGAN; what a user says goes first. */
  readonly defaults?: TrainingDefaults;
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
