// A generator, and a discriminator of two heads on one trunk that becomes the classifier, trained as the paper says. CLGAN
// and DCGAN differ in the trunk.

import { Linear } from "../nn/layers/linear.ts";
import { type AdversarialOptions, adversarialPhase } from "./adversarial.ts";
import { type GeneratorOptions, ImageGenerator, noiseSize } from "./generator.ts";
import type { TrainableModel } from "./model.ts";
import { scaleBytes } from "./scaling.ts";
import { supervisedPhase } from "./supervised.ts";
import { type DiscriminatorTrunk, TrunkClassifier } from "./trunk-classifier.ts";

/**
 * The paper's discriminator ends in K classes, and its pre-training asks it for real or generated without saying by which
 * output; here it has two linear heads on one trunk: `reality` (one logit) for the adversarial phase, `classes` for the
 * rest. So "the discriminator's weights move to the classifier" needs no moving: the trunk is trained on, `reality` is
 * left behind, `classes` starts fresh.
 */
class TwoHeaded extends TrunkClassifier {
  readonly generator: ImageGenerator;
  readonly reality: Linear;

  constructor(classes: number, trunk: DiscriminatorTrunk, generator: GeneratorOptions) {
    super(classes, trunk);
    this.generator = new ImageGenerator(generator);
    this.reality = new Linear(trunk.features, 1);
  }
}

export interface TwoHeadedRequest extends Pick<AdversarialOptions, "learningRate" | "batchStatistics"> {
  readonly classes: number;
  readonly seed: number;
  readonly trunk: DiscriminatorTrunk;
  readonly generator: GeneratorOptions;
}

/** The model with its two phases: the game, then supervised. */
export function twoHeadedModel(request: TwoHeadedRequest): TrainableModel {
  const { classes, seed, trunk, learningRate } = request;
  const root = new TwoHeaded(classes, trunk, request.generator).initialize(seed);
  return {
    root,
    classes,
    logits: (backend, images) => root.logits(backend, images),
    phases: [
      adversarialPhase({
        noise: noiseSize,
        learningRate,
        generator: root.generator.parameters(),
        trunk: trunk.parameters(),
        reality: root.reality.parameters(),
        batchStatistics: request.batchStatistics ?? false,
        scale: scaleBytes,
        generate: (backend, z) => root.generator.forward(backend, z),
        features: (backend, images) => trunk.forward(backend, images),
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
