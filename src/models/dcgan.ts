// DCGAN as the CLGAN paper compares itself with it (sections 2.1 and 3.2): CLGAN's generator against a discriminator of
// convolutions alone, pre-trained and fine-tuned in the same way. What differs from CLGAN is the discriminator, no more.

import type { Backend } from "../nn/backend.ts";
import { Linear } from "../nn/layers/linear.ts";
import { Module } from "../nn/module.ts";
import type { Parameter } from "../nn/parameter.ts";
import { ContrastHead } from "./contrast.ts";
import { ConvolutionalTrunk } from "./convolutional-trunk.ts";
import { ImageGenerator, noiseSize, outputNormOption } from "./generator.ts";
import type { NetworkRow, Recipe, TrainableModel } from "./model.ts";
import { scaleBytes } from "./scaling.ts";
import { supervisedPhase } from "./supervised.ts";
import { unlabelledPhase } from "./unlabelled.ts";

/** As in CLGAN, two linear heads stand on one trunk: `reality` for the adversarial phase, `classes` for the rest. */
class Dcgan extends Module {
  readonly generator: ImageGenerator;
  readonly trunk: ConvolutionalTrunk;
  readonly reality: Linear;
  readonly classes: Linear;
  readonly contrast: ContrastHead | undefined;

  constructor(classes: number, recipe: Recipe, options: DcganOptions) {
    super();
    this.generator = new ImageGenerator(options);
    this.trunk = new ConvolutionalTrunk(options);
    this.reality = new Linear(this.trunk.features, 1);
    this.classes = new Linear(this.trunk.features, classes);
    this.contrast = recipe !== "paper" ? new ContrastHead(this.trunk.features) : undefined;
  }

  /** uint8 (N, 28, 28) -> (N, K). */
  logits<T>(backend: Backend<T, Parameter>, images: T): T {
    return this.classes.forward(backend, this.trunk.forward(backend, scaleBytes(backend, images)));
  }
}

type DcganOptions = {
  readonly batchNorm: boolean;
  readonly outputNorm: boolean;
};

export const dcgan: NetworkRow<DcganOptions> = {
  name: "dcgan",
  description:
    "semi-supervised: CLGAN with a discriminator of convolutions alone, the generator's mirror (Radford et al. 2016)",
  options: {
    batchNorm: {
      default: true,
      about: "batch norm in the discriminator (Radford et al. 2016, section 3); the paper does not say",
      expected: "true or false",
      check: (value) => typeof value === "boolean",
    },
    outputNorm: outputNormOption,
  },
  create({ classes, seed, learningRate, recipe, options }): TrainableModel {
    const root = new Dcgan(classes, recipe, options).initialize(seed);
    const trunk = root.trunk.parameters();
    return {
      root,
      classes,
      logits: (backend, images) => root.logits(backend, images),
      phases: [
        unlabelledPhase(recipe, {
          noise: noiseSize,
          learningRate,
          generator: root.generator.parameters(),
          trunk,
          reality: root.reality.parameters(),
          batchStatistics: options.batchNorm,
          scale: scaleBytes,
          generate: (backend, z) => root.generator.forward(backend, z),
          contrast: root.contrast,
          features: (backend, images) => root.trunk.forward(backend, images),
          judge: (backend, features) => root.reality.forward(backend, features),
        }),
        supervisedPhase({
          parameters: [...trunk, ...root.classes.parameters()],
          learningRate,
          logits: (backend, images) => root.logits(backend, images),
        }),
      ],
    };
  },
};
