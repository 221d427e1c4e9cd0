// Models that are fitted: computed from the labelled images as they stand, without gradients, epochs or libtorch.

import { FlowglyphError } from "../../bindings/errors.ts";
import type { GraphBuilder, GraphValue } from "../onnx/graph.ts";
import type { AnyOptions, ModelDescription } from "./model.ts";

export interface FittedModel {
  /** Number of classes K. */
  readonly classes: number;
  /** Images uint8 [N, 28, 28] -> probabilities float32 [N, K], each row sums to 1. */
  predict(images: Uint8Array, options?: PredictOptions): Promise<Float32Array>;
  /** The same as nodes of an ONNX graph: images uint8 (N, 28, 28) -> probabilities float32 (N, K). */
  emit(graph: GraphBuilder, images: GraphValue): GraphValue;
  /** What `fit` takes as `saved` to give this model again from the same images, without the work. */
  state(): FittedState;
  /** What it says of labelled rows that it has not learned from, where fitting asked that of itself. */
  readonly heldOut?: HeldOut;
  /** The part of `state()` that no label went into: models of other labels for the same images may begin with it. */
  unlabelledState?(): FittedState;
}

/** Scores and labels of images that the model has not learned from. */
export interface HeldOut {
  /** float32 [N, classes]: logits, or logarithms of probabilities (-Infinity for 0); N may be 0. */
  readonly scores: Float32Array;
  /** int32 [N]. */
  readonly labels: Int32Array;
  readonly classes: number;
}

/** Named arrays, as a checkpoint holds them. What `fit` can make again in no time is left out, so it may be empty. */
export type FittedState = ReadonlyMap<string, Float32Array | Int32Array | Uint8Array>;

export interface PredictOptions {
  /** CPU threads at most, where more than one helps; 1 by default. They change nothing but the time. */
  readonly threads?: number;
  /** ERR_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/** Images that are copied only where they are asked for. */
export interface ImageSource {
  readonly count: number;
  /** uint8 [rows.length, 28, 28]; rows from 0 to count - 1. */
  take(rows: Uint32Array): Uint8Array;
}

export interface FitRequest<Options extends object = AnyOptions> {
  /** uint8 [N, 28, 28], N at least 1. */
  readonly images: Uint8Array;
  /** int32 [N], in [0, classes). Not every class need occur. */
  readonly labels: Int32Array;
  /** Images without labels, to learn from as well: none, some or very many. */
  readonly unlabelled: ImageSource;
  /** Number of classes K, at least 2. */
  readonly classes: number;
  readonly seed: number;
  /** Complete and checked. */
  readonly options: Options;
  /** CPU threads at most. They change nothing but the time. */
  readonly threads: number;
  /** Ends the fitting soon, with ERR_ABORTED. */
  readonly signal: AbortSignal | undefined;
  /** What a fit of the same request had when it was stopped; undefined to begin with. Trusted no further than its types. */
  readonly saved: FittedState | undefined;
  /** To be called as parts of the work are done. */
  onProgress(done: number, all: number): void;
  /** To be called where the work could go on from: keeps `state()` where that is due. */
  checkpoint(state: () => FittedState): Promise<void>;
}

/** A row of the registry whose model is fitted. One request gives one model, bit by bit. */
export interface FittedRow<Options extends object = AnyOptions> extends ModelDescription<Options> {
  /** Its probabilities are left as they are; those of others are calibrated on rows that they were not fitted to. */
  readonly calibrated?: true;
  /** @throws ERR_ABORTED; ERR_CHECKPOINT where `saved` is no state of this model */
  fit(request: FitRequest<Options>): Promise<FittedModel>;
}

/**
 * An array of a checkpoint; undefined where it holds none of that name.
 * @throws ERR_CHECKPOINT where it is not `length` finite float32 numbers
 */
export function savedNumbers(
  saved: FittedState | undefined,
  name: string,
  length: number,
): Float32Array | undefined {
  const data = saved?.get(name);
  if (data === undefined) return undefined;
  if (data instanceof Float32Array && data.length === length && data.every(Number.isFinite)) return data;
  throw new FlowglyphError(
    "ERR_CHECKPOINT",
    `Expected the checkpoint to hold ${length} finite float32 numbers for ${name}`,
  );
}
