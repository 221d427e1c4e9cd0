// Bytewise: bytes read as symbols, a session's fingerprint learned without labels, then a linear classifier on it, and
// both together tuned on the labels. Why each part is there, and what it gives: docs/bytewise.md.

import type { Backend } from "../nn/backend.ts";
import { zeros } from "../nn/initializers.ts";
import { Dropout } from "../nn/layers/dropout.ts";
import { Embedding } from "../nn/layers/embedding.ts";
import { LayerNorm } from "../nn/layers/layer-norm.ts";
import { Linear } from "../nn/layers/linear.ts";
import { SequenceConv } from "../nn/layers/sequence-conv.ts";
import { Module } from "../nn/module.ts";
import { Parameter } from "../nn/parameter.ts";
import { bytewiseFingerprintPhase } from "./bytewise-fingerprint.ts";
import { factorsOfKind, fingerprintSize } from "./fingerprint.ts";
import { imageSide, type NetworkRow, type TrainableModel } from "./model.ts";
import { HEAD } from "./session-factors.ts";
import { tuningPhase } from "./tuning.ts";

type AnyBackend<T> = Backend<T, Parameter>;

const imageBytes = imageSide * imageSide;
/** What stands for a byte that is hidden, beside the 256 that a byte can be. */
export const hiddenSymbol = 256;
const symbols = hiddenSymbol + 1;
/** Numbers a symbol is embedded in: 8 and 16 score alike, 4 less. */
const symbolSize = 16;
/** Bytes a step: a header field takes 1 to 4, so a step is a field or two; steps half as long cost twice and gained nothing. */
const stepBytes = 4;
const steps = imageBytes / stepBytes;
const channels = 128;
// Steps of the first stage that the second sees as one.
const poolSteps = 4;
/** Pooled features of the network: the largest and the mean of each channel. */
const pooled = 2 * channels;

/** x + W2 gelu(W1 * norm(x)): a convolution over 5 steps, then one over channels. (N, T, C), same shape. */
class Residual extends Module {
  readonly norm = new LayerNorm(channels);
  readonly across = new SequenceConv(channels, channels, { kernel: 5, padding: 2 });
  readonly within = new SequenceConv(channels, channels, { kernel: 1 });
  readonly dropout: Dropout;

  constructor(dropout: number) {
    super();
    this.dropout = new Dropout(dropout);
  }

  forward<T>(backend: AnyBackend<T>, x: T): T {
    const inner = backend.gelu(this.across.forward(backend, this.norm.forward(backend, x)));
    return backend.add(x, this.dropout.forward(backend, this.within.forward(backend, inner)));
  }
}

/** Symbols to pooled features. Position enters by one learned vector a step: headers stand where they stand. */
class BytewiseTrunk extends Module {
  readonly embedding = new Embedding(symbols, symbolSize);
  readonly stem = new SequenceConv(symbolSize, channels, {
    kernel: 2 * stepBytes,
    stride: stepBytes,
    padding: 2,
  });
  readonly position = new Parameter([1, steps, channels], { kind: "normal", deviation: 0.05 });
  readonly early: Residual;
  readonly late: readonly Residual[];
  readonly norm = new LayerNorm(channels);

  constructor(dropout: number) {
    super();
    this.early = new Residual(dropout);
    this.late = [new Residual(dropout), new Residual(dropout)];
  }

  /** Symbols, integers (N, 784) -> (N, 256). */
  forward<T>(backend: AnyBackend<T>, bytes: T): T {
    let x = this.stem.forward(backend, this.embedding.forward(backend, bytes)); // (N, 196, 128)
    x = backend.add(x, backend.parameter(this.position));
    x = this.early.forward(backend, x);
    x = backend.sequenceMaxPool(x, poolSteps); // (N, 49, 128)
    for (const block of this.late) x = block.forward(backend, x);
    x = this.norm.forward(backend, x);
    return backend.concat([backend.max(x, 1), backend.mean(x, 1)], 1);
  }
}

export class Bytewise extends Module {
  readonly trunk: BytewiseTrunk;
  /** Vectors of the 65,536 byte pairs and of the first bytes by position, fitted and not trained. */
  readonly pairs = new Parameter([65536, factorsOfKind], zeros, false);
  readonly places = new Parameter([HEAD * 256, factorsOfKind], zeros, false);
  /** Mean of the pooled features over labelled sessions, taken off before they are scaled to length 1. */
  readonly center = new Parameter([pooled], zeros, false);
  /** Pooled features -> fingerprint: left behind after the phase that trains it. */
  readonly fingerprint = new Linear(pooled, fingerprintSize);
  readonly dropout: Dropout;
  readonly classes: Linear;

  constructor(classes: number, { dropout }: BytewiseOptions) {
    super();
    this.trunk = new BytewiseTrunk(dropout);
    this.dropout = new Dropout(dropout);
    this.classes = new Linear(pooled + fingerprintSize, classes);
  }

  /** uint8 (N, 28, 28) -> (N, 256), as session-factors.ts has them: of pairs, then of places, each of length 1. */
  factors<T>(backend: AnyBackend<T>, images: T): T {
    const bytes = backend.reshape(images, [-1, imageBytes]);
    const of = (words: T, table: Parameter) =>
      backend.normalize(backend.sumOfRows(words, backend.parameter(table)));
    return backend.concat(
      [of(backend.bytePairs(bytes), this.pairs), of(backend.bytePositions(bytes, HEAD), this.places)],
      1,
    );
  }

  /** Pooled features (N, 256) and factors (N, 256) -> (N, 512): what the linear classifier stands on. */
  features<T>(backend: AnyBackend<T>, features: T, factors: T): T {
    const centered = backend.add(features, backend.affine(backend.parameter(this.center), -1, 0));
    return backend.concat([this.dropout.forward(backend, backend.normalize(centered)), factors], 1);
  }

  /** uint8 (N, 28, 28) -> (N, K). */
  logits<T>(backend: AnyBackend<T>, images: T): T {
    const pooledFeatures = this.trunk.forward(backend, backend.reshape(images, [-1, imageBytes]));
    const factors = this.factors(backend, images);
    return this.classes.forward(backend, this.features(backend, pooledFeatures, factors));
  }
}

type BytewiseOptions = { readonly dropout: number };

export const bytewise: NetworkRow<BytewiseOptions> = {
  name: "bytewise",
  description:
    "semi-supervised: bytes as symbols; fingerprints learned from unlabelled sessions, then a classifier from few labels",
  options: {
    dropout: {
      default: 0.1,
      about: "probability of dropping a number in each block and before the classifier",
      expected: "a number in [0, 1)",
      check: (value) => typeof value === "number" && value >= 0 && value < 1,
    },
  },
  defaults: {
    batchSize: 64,
    learningRate: 3e-3,
    pretrainEpochs: 8,
    epochs: 30,
    minEpochSteps: 15,
  },
  create({ classes, seed, learningRate, options }): TrainableModel {
    const root = new Bytewise(classes, options).initialize(seed);
    return {
      root,
      classes,
      logits: (backend, images) => root.logits(backend, images),
      phases: [bytewiseFingerprintPhase(root, learningRate), tuningPhase(root, learningRate)],
    };
  },
};
