// Patchwise: bytes as symbols, read in patches that do not overlap, each patch one row of a matrix product, so that a
// session costs a few of them and nothing is moved in between. What `flowglyph distill` trains on a larger model's
// probabilities (docs/distill.md); on labels alone it is trained as any other network.

import type { Backend } from "../nn/backend.ts";
import { Embedding } from "../nn/layers/embedding.ts";
import { Linear } from "../nn/layers/linear.ts";
import { Module } from "../nn/module.ts";
import type { Parameter } from "../nn/parameter.ts";
import { imageSide, type NetworkRow, type TrainableModel } from "./model.ts";
import { supervisedPhase } from "./supervised.ts";

const imageBytes = imageSide * imageSide;
/** What stands for a byte that is hidden in training, beside the 256 that a byte can be. */
export const hiddenSymbol = 256;
/** Numbers that a byte is embedded in. */
export const symbolSize = 16;
/** Bytes of a first patch; a second patch is `joined` first ones. */
export const patchBytes = 8;
export const joined = 2;
const stepBytes = patchBytes * joined;

/** The patch layers: how large their values get is what an int8 graph has to know. */
export type Stage = "first" | "second";

export class Patchwise extends Module {
  readonly embedding = new Embedding(hiddenSymbol + 1, symbolSize);
  readonly first: Linear;
  readonly second: Linear;
  readonly classes: Linear;
  readonly width: number;
  /** Bytes that are read, from the first. */
  readonly bytes: number;

  constructor(classes: number, { width, bytes }: PatchwiseOptions) {
    super();
    this.width = width;
    this.bytes = bytes;
    this.first = new Linear(patchBytes * symbolSize, width);
    this.second = new Linear(joined * width, 2 * width);
    this.classes = new Linear(4 * width, classes);
  }

  /** Second patches of a session. */
  get places(): number {
    return this.bytes / stepBytes;
  }

  /**
   * Symbols, integers (N, 28, 28) or (N, 784) -> logits (N, K).
   * @param seen Is given what each patch layer computes.
   */
  logits<T>(
    backend: Backend<T, Parameter>,
    symbols: T,
    seen: (stage: Stage, values: T) => void = () => undefined,
  ): T {
    const all = backend.reshape(symbols, [-1, imageBytes]);
    const read = this.bytes < imageBytes ? backend.slice(all, 1, 0, this.bytes) : all;
    const embedded = this.embedding.forward(backend, read);
    // Rows of a matrix are patches of all sessions: of 784 bytes (98 N, 128) -> (98 N, W) -> (49 N, 2 W).
    const first = backend.relu(
      this.first.forward(backend, backend.reshape(embedded, [-1, patchBytes * symbolSize])),
    );
    seen("first", first);
    const second = backend.relu(
      this.second.forward(backend, backend.reshape(first, [-1, joined * this.width])),
    );
    seen("second", second);
    const features = backend.reshape(second, [-1, this.places, 2 * this.width]);
    return this.classes.forward(
      backend,
      backend.concat([backend.max(features, 1), backend.mean(features, 1)], 1),
    );
  }
}

const multipleOf = (divisor: number, least: number, most: number) => (value: unknown) =>
  Number.isSafeInteger(value) &&
  (value as number) >= least &&
  (value as number) <= most &&
  (value as number) % divisor === 0;

export type PatchwiseOptions = { readonly width: number; readonly bytes: number };

export const patchwise: NetworkRow<PatchwiseOptions> = {
  name: "patchwise",
  description:
    "small and fast: bytes as symbols in patches; what `distill` teaches a larger model's answers to",
  options: {
    width: {
      default: 64,
      about: "features of 8 bytes; twice as many of 16",
      expected: "a whole number from 8 to 1024, divisible by 8",
      check: multipleOf(8, 8, 1024),
    },
    bytes: {
      default: imageBytes,
      about: "how many bytes of a session are read, from its first",
      expected: "a whole number from 16 to 784, divisible by 16",
      check: multipleOf(stepBytes, stepBytes, imageBytes),
    },
  },
  defaults: { batchSize: 128, learningRate: 3e-3, epochs: 30 },
  create({ classes, seed, learningRate, options }): TrainableModel {
    const root = new Patchwise(classes, options).initialize(seed);
    return {
      root,
      classes,
      logits: (backend, images) => root.logits(backend, images),
      phases: [
        supervisedPhase({
          parameters: root.parameters(),
          learningRate,
          logits: (backend, images) => root.logits(backend, images),
        }),
      ],
    };
  },
};
