// CLGAN: a generative adversarial network whose discriminator, convolutions and an LSTM, becomes the classifier.
// Source: the CLGAN paper, sections 2.1 to 2.4. Where it is silent, the choice and its reason stand beside the code.

import type { Backend } from "../nn/backend.ts";
import { Conv1d } from "../nn/layers/conv1d.ts";
import { Dropout } from "../nn/layers/dropout.ts";
import { Lstm } from "../nn/layers/lstm.ts";
import { Module } from "../nn/module.ts";
import type { Parameter } from "../nn/parameter.ts";
import { CrossAttention } from "./cross-attention.ts";
import { fingerprintedModel } from "./fingerprinted.ts";
import { leakySlope, outputNormOption } from "./generator.ts";
import { imageSide, type ModelRow, type TrainableModel } from "./model.ts";
import { twoHeadedModel } from "./two-headed.ts";

type AnyBackend<T> = Backend<T, Parameter>;

/** Section 2.2 up to the features: what both heads stand on. */
class ClganTrunk extends Module {
  readonly conv1 = new Conv1d(imageSide, 128, { kernel: 5, padding: 2 });
  readonly conv2 = new Conv1d(128, 64, { kernel: 5, padding: 2 });
  readonly lstm: Lstm;
  readonly attention: CrossAttention | undefined;
  readonly dropout: Dropout;

  constructor(options: ClganOptions) {
    super();
    this.lstm = new Lstm(64, 256, { bidirectional: options.bidirectional });
    // Section 2.1 names a "spatio-temporal feature cross-attention fusion" and describes it nowhere. Our reading: each
    // step of the LSTM (time) asks the convolutions' features of all steps (space), and the mean of the answers stands
    // beside the LSTM's final state.
    this.attention = options.attention
      ? new CrossAttention({ queries: this.lstm.outputs, keys: 64, size: 64 })
      : undefined;
    this.dropout = new Dropout(options.dropout);
  }

  get features(): number {
    return this.lstm.outputs + (this.attention?.size ?? 0);
  }

  /** (N, 28, 28) in [-1, 1] -> (N, features), with dropout. */
  forward<T>(backend: AnyBackend<T>, images: T): T {
    return this.dropout.forward(backend, this.extract(backend, images));
  }

  /** The same without dropout. The image's rows are channels, its columns the steps. */
  extract<T>(backend: AnyBackend<T>, images: T): T {
    let x = backend.leakyRelu(this.conv1.forward(backend, images), leakySlope); // (N, 128, 28)
    x = backend.leakyRelu(this.conv2.forward(backend, x), leakySlope); // (N, 64, 28)
    const spatial = backend.permute(x, [0, 2, 1]); // (N, 28, 64)
    const temporal = this.lstm.forward(backend, spatial); // (N, 28, D 256)
    let features = this.lstm.finalStates(backend, temporal, imageSide); // (N, D 256)
    if (this.attention !== undefined) {
      const answers = this.attention.forward(backend, temporal, spatial, imageSide); // (N, 28, 64)
      features = backend.concat([features, backend.mean(answers, 1)], 1); // (N, D 256 + 64)
    }
    return features;
  }
}

type ClganOptions = {
  readonly bidirectional: boolean;
  readonly attention: boolean;
  readonly enhancement: boolean;
  readonly dropout: number;
  readonly outputNorm: boolean;
};

export const clgan: ModelRow<ClganOptions> = {
  name: "clgan",
  description:
    "semi-supervised: a convolution + LSTM discriminator, pre-trained against a generator, then fine-tuned on labels",
  options: {
    bidirectional: {
      default: false,
      about: "LSTM in both directions (paper, section 2.1) instead of one (2.2)",
      expected: "true or false",
      check: (value) => typeof value === "boolean",
    },
    attention: {
      default: false,
      about: "cross-attention from the LSTM's steps to the convolutions' features (paper, section 2.1)",
      expected: "true or false",
      check: (value) => typeof value === "boolean",
    },
    enhancement: {
      default: false,
      about:
        "a bidirectional LSTM over the generated rows before the generator's Tanh: our design, as the paper (2.3) names such a module and does not describe it",
      expected: "true or false",
      check: (value) => typeof value === "boolean",
    },
    dropout: {
      default: 0.5,
      about:
        "probability of dropping a feature before the last layer; the paper states none, 0.5 is the usual one",
      expected: "a number in [0, 1)",
      check: (value) => typeof value === "number" && value >= 0 && value < 1,
    },
    outputNorm: outputNormOption,
  },
  create({ options, ...request }): TrainableModel {
    const trunk = new ClganTrunk(options);
    return request.recipe === "paper"
      ? twoHeadedModel({ ...request, trunk, generator: options })
      : fingerprintedModel({ ...request, trunk, features: (backend, x) => trunk.extract(backend, x) });
  },
};
