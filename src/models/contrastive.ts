// The contrastive phase, without labels and without a generator: the trunk tells images from one another and plays no game.

import { Tensor } from "../../bindings/torch/index.ts";
import type { AdversarialOptions } from "./adversarial.ts";
import { type ContrastHead, contrastLoss, contrastPace, hideRuns, phaseBetas } from "./contrast.ts";
import type { TrainingPhase } from "./model.ts";

export function contrastivePhase(
  {
    learningRate,
    trunk,
    scale,
    features,
  }: Pick<AdversarialOptions, "learningRate" | "trunk" | "scale" | "features">,
  head: ContrastHead,
): TrainingPhase {
  return {
    name: "contrastive",
    data: "all",
    supervised: false,
    optimizers: {
      trunk: {
        parameters: [...trunk, ...head.parameters()],
        learningRate: learningRate * contrastPace,
        betas: phaseBetas,
      },
    },
    step({ backend, random, minimize }, { images }) {
      const real = scale(backend, images);
      const views = Tensor.concat([hideRuns(real, random), hideRuns(real, random)], 0);
      const loss = contrastLoss(head.forward(backend, features(backend, views)));
      minimize("trunk", loss);
      return { contrastLoss: loss.detach() };
    },
  };
}
