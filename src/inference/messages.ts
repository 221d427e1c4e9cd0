// What the pool and its worker threads say to each other. Image memory is transferred to the worker and back, because
// ONNX Runtime refuses SharedArrayBuffer and a copy would cost what a transfer saves.

/** Read once by the worker when it starts. */
export interface WorkerSetup {
  /** The bytes of the .onnx file. */
  readonly model: Uint8Array;
  /** Number of classes that the metadata promises. */
  readonly classes: number;
  readonly intraOpThreads: number;
}

export interface ClassifyRequest {
  /** uint8 [count, 28, 28]. */
  readonly images: Uint8Array<ArrayBuffer>;
  readonly count: number;
}

export interface Scores {
  /** float32 [count, K], row-major. */
  readonly probabilities: Float32Array<ArrayBuffer>;
  /** uint32 [count]: the most probable class of each row, the first of equals. */
  readonly classIndex: Uint32Array<ArrayBuffer>;
  /** float32 [count]: its probability. */
  readonly probability: Float32Array<ArrayBuffer>;
}

/** `null` asks the worker to free its session and to end. */
export type ToWorker = ClassifyRequest | null;

export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "unusable"; readonly message: string }
  | {
      readonly kind: "scores";
      readonly images: Uint8Array<ArrayBuffer>;
      readonly scores: Scores;
    }
  | { readonly kind: "failed"; readonly message: string };
