// ByteSGAN (Wang et al. 2021): one discriminator with K + 1 outputs, the last of them "generated", trained in one phase on
// labelled, unlabelled and generated images. The losses are those of Salimans et al. 2016, section 5, from which it takes
// the idea. Generator and convolutions are DCGAN's here, so that the models differ in how they are trained.

import { invalidArgument } from "../../bindings/errors.ts";
import { Tensor } from "../../bindings/torch/index.ts";
import type { Backend } from "../nn/backend.ts";
import { Dropout } from "../nn/layers/dropout.ts";
import { Linear } from "../nn/layers/linear.ts";
import { correctCount, crossEntropy, logSumExp, meanSquaredError, realness } from "../nn/losses.ts";
import { Module } from "../nn/module.ts";
import type { Parameter } from "../nn/parameter.ts";
import { ConvolutionalTrunk } from "./convolutional-trunk.ts";
import { ImageGenerator, noiseSize, outputNormOption } from "./generator.ts";
import type { NetworkRow, TrainableModel, TrainingPhase } from "./model.ts";
import { scaleBytes } from "./scaling.ts";

class ByteSgan extends Module {
  readonly generator: ImageGenerator;
  // No batch norm: labelled, unlabelled and generated images would each have statistics of their own in training, and
  // prediction a mixture of the three.
  readonly trunk = new ConvolutionalTrunk({ batchNorm: false });
  readonly dropout: Dropout;
  /**
   * K outputs for the K + 1 classes: a softmax does not change where all its logits are moved alike, so that of
   * "generated" is held at 0 (Salimans et al. 2016, section 5). What classifies is p(class | not generated).
   */
  readonly classes: Linear;

  constructor(classes: number, options: ByteSganOptions) {
    super();
    this.generator = new ImageGenerator(options);
    this.dropout = new Dropout(options.dropout);
    this.classes = new Linear(this.trunk.features, classes);
  }

  /** Features (N, 2048) -> logits (N, K). */
  classify<T>(backend: Backend<T, Parameter>, features: T): T {
    return this.classes.forward(backend, this.dropout.forward(backend, features));
  }

  /** uint8 (N, 28, 28) -> (N, K). */
  logits<T>(backend: Backend<T, Parameter>, images: T): T {
    return this.classify(backend, this.trunk.forward(backend, scaleBytes(backend, images)));
  }
}

/**
 * The logit of "not generated", (N, 1), from the K logits l: p(K + 1) = 1 / (1 + sum exp l), so that the logit of its
 * complement is log sum exp l.
 */
function realLogit(logits: Tensor): Tensor {
  return logSumExp(logits).reshape([-1, 1]);
}

/** Labelled: which class. Unlabelled: not generated. Generated: generated, and the generator wants the opposite. */
function jointPhase(root: ByteSgan, learningRate: number, options: ByteSganOptions): TrainingPhase {
  const discriminator = [...root.trunk.parameters(), ...root.classes.parameters()];
  // Radford et al. 2016, section 4, as in CLGAN's adversarial phase: with 0.9 the game oscillates.
  const betas = [0.5, 0.999] as const;
  return {
    name: "joint",
    data: "joint",
    supervised: true,
    optimizers: {
      discriminator: { parameters: discriminator, learningRate, betas },
      generator: { parameters: root.generator.parameters(), learningRate, betas },
    },
    step({ backend, random, minimize }, { images, labels, unlabelledImages }) {
      if (labels === undefined || unlabelledImages === undefined) {
        throw invalidArgument("batch", "labels and unlabelled images", undefined);
      }
      const [labelled, unlabelled] = [images.shape[0]!, unlabelledImages.shape[0]!];
      const real = scaleBytes(backend, unlabelledImages);
      const noise = Tensor.uniform([unlabelled, noiseSize], -1, 1, random);
      const generated = root.generator.forward(backend, noise);

      // One pass over all three, as the discriminator has no batch statistics.
      const seen = Tensor.concat([scaleBytes(backend, images), real, generated.detach()], 0);
      const logits = root.classify(backend, root.trunk.forward(backend, seen)); // (L + 2 M, K)
      const ofLabelled = logits.slice(0, 0, labelled);
      const ofUnlabelled = logits.slice(0, labelled, labelled + unlabelled);
      const ofGenerated = logits.slice(0, labelled + unlabelled, labelled + 2 * unlabelled);
      const loss = crossEntropy(ofLabelled, labels);
      const discriminatorLoss = realness(realLogit(ofUnlabelled), 1).add(realness(realLogit(ofGenerated), 0));
      minimize("discriminator", loss.add(discriminatorLoss));

      const generatorLoss = backend.frozen(discriminator, () => {
        const features = root.trunk.forward(backend, generated);
        if (!options.featureMatching) return realness(realLogit(root.classify(backend, features)), 1);
        return meanSquaredError(features.mean([0]), root.trunk.forward(backend, real).mean([0]));
      });
      minimize("generator", generatorLoss);

      return {
        loss: loss.detach(),
        discriminatorLoss: discriminatorLoss.detach(),
        generatorLoss: generatorLoss.detach(),
        correct: correctCount(ofLabelled, labels),
      };
    },
  };
}

type ByteSganOptions = {
  readonly dropout: number;
  readonly featureMatching: boolean;
  readonly outputNorm: boolean;
};

export const bytesgan: NetworkRow<ByteSganOptions> = {
  name: "bytesgan",
  description:
    "semi-supervised: one convolutional discriminator tells the classes and generated images apart, trained on all at once",
  options: {
    dropout: {
      default: 0.5,
      about: "probability of dropping a feature before the last layer; as in CLGAN's discriminator",
      expected: "a number in [0, 1)",
      check: (value) => typeof value === "number" && value >= 0 && value < 1,
    },
    featureMatching: {
      default: false,
      about:
        "the generator matches the mean features of real images (Salimans et al. 2016, section 3.1) instead of passing for real",
      expected: "true or false",
      check: (value) => typeof value === "boolean",
    },
    outputNorm: outputNormOption,
  },
  create({ classes, seed, learningRate, options }): TrainableModel {
    const root = new ByteSgan(classes, options).initialize(seed);
    return {
      root,
      classes,
      logits: (backend, images) => root.logits(backend, images),
      phases: [jointPhase(root, learningRate, options)],
    };
  },
};
