// A generator, and a discriminator of two heads on one trunk that becomes the classifier. CLGAN and DCGAN differ in the trunk.

import type { Backend } from "../nn/backend.ts";
import { Linear } from "../nn/layers/linear.ts";
import { Module } from "../nn/module.ts";
import type { Parameter } from "../nn/parameter.ts";
import type { AdversarialOptions } from "./adversarial.ts";
import { ContrastHead } from "./contrast.ts";
import { type GeneratorOptions, ImageGenerator, noiseSize } from "./generator.ts";
import type { Recipe, TrainableModel } from "./model.ts";
import { scaleBytes } from "./scaling.ts";
import { supervisedPhase } from "./supervised.ts";
import { unlabelledPhase } from "./unlabelled.ts";

/** Scaled images (N, 28, 28) -> (N, features). */
export interface DiscriminatorTrunk extends Module {
  readonly features: number;
  forward<T>(backend: Backend<T, Parameter>, images: T): T;
}

/**
 * The paper's discriminator ends in K classes, and its pre-training asks it for real or generated without saying by which
 * output; here it has two linear heads on one trunk: `reality` (one logit) for the adversarial phase, `classes` for the
 * rest. So "the discriminator's weights move to the classifier" needs no moving: the trunk is trained on, `reality` is
 * left behind, `classes` starts fresh.
 */
class TwoHeaded extends Module {
  readonly generator: ImageGenerator;
  readonly trunk: DiscriminatorTrunk;
  readonly reality: Linear;
  readonly classes: Linear;
  readonly contrast: ContrastHead | undefined;

  constructor(classes: number, recipe: Recipe, trunk: DiscriminatorTrunk, generator: GeneratorOptions) {
    super();
    this.generator = new ImageGenerator(generator);
    this.trunk = trunk;
    this.reality = new Linear(trunk.features, 1);
    this.classes = new Linear(trunk.features, classes);
    this.contrast = recipe !== "paper" ? new ContrastHead(trunk.features) : undefined;
  }

  /** uint8 (N, 28, 28) -> (N, K). */
  logits<T>(backend: Backend<T, Parameter>, images: T): T {
    return this.classes.forward(backend, this.trunk.forward(backend, scaleBytes(backend, images)));
  }
}

export interface TwoHeadedRequest extends Pick<AdversarialOptions, "learningRate" | "batchStatistics"> {
  readonly classes: number;
  readonly seed: number;
  readonly recipe: Recipe;
  readonly trunk: DiscriminatorTrunk;
  readonly generator: GeneratorOptions;
  /** What the phase without labels sees of the trunk, where that is not its forward pass. */
  readonly features?: AdversarialOptions["features"];
}

/** The model with its two phases: by its recipe without labels, then supervised. */
export function twoHeadedModel(request: TwoHeadedRequest): TrainableModel {
  const { classes, seed, recipe, trunk, learningRate } = request;
  const root = new TwoHeaded(classes, recipe, trunk, request.generator).initialize(seed);
  return {
    root,
    classes,
    logits: (backend, images) => root.logits(backend, images),
    phases: [
      unlabelledPhase(recipe, {
        noise: noiseSize,
        learningRate,
        generator: root.generator.parameters(),
        trunk: trunk.parameters(),
        reality: root.reality.parameters(),
        batchStatistics: request.batchStatistics ?? false,
        scale: scaleBytes,
        generate: (backend, z) => root.generator.forward(backend, z),
        contrast: root.contrast,
        features: request.features ?? ((backend, images) => trunk.forward(backend, images)),
        judge: (backend, features) => root.reality.forward(backend, features),
      }),
      supervisedPhase({
        parameters: [...trunk.parameters(), ...root.classes.parameters()],
        learningRate,
        logits: (backend, images) => root.logits(backend, images),
      }),
    ],
  };
}
