// What the pool and its hosts say to each other, in this order: Setup, then requests, each answered before the next.
import type { Device } from "./device.ts";

/** The first message to a host. */
export interface Setup {
  /** The bytes of the .onnx file. */
  readonly model: Uint8Array;
  /** Number of classes that the metadata promises. */
  readonly classes: number;
  readonly intraOpThreads: number;
  readonly device: Device;
  /** int32 [1] in shared memory, see gate.ts; a host in a process of its own has none. */
  readonly gate: Int32Array | undefined;
}

export interface RunRequest {
  /** At least `count` images, uint8 [count, 28, 28]. A thread gets the memory itself, and gives it back with the answer. */
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

/** `null` asks the host to free its session and to end. */
export type ToHost = RunRequest | null;

export type FromHost =
  | { readonly kind: "ready" }
  | { readonly kind: "unusable"; readonly message: string }
  /** `images` is the request's memory, left out where the sender kept its own. */
  | { readonly kind: "scores"; readonly images: Uint8Array<ArrayBuffer> | undefined; readonly scores: Scores }
  | {
      readonly kind: "failed";
      readonly images: Uint8Array<ArrayBuffer> | undefined;
      readonly message: string;
    };
