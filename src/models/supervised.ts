// The supervised phase that every classifier ends with: cross-entropy on the labelled images.

import { invalidArgument } from "../../bindings/errors.ts";
import type { Tensor } from "../../bindings/torch/index.ts";
import { correctCount, crossEntropy } from "../nn/losses.ts";
import type { Parameter } from "../nn/parameter.ts";
import type { TorchBackend } from "../nn/torch-backend.ts";
import type { TrainingPhase } from "./model.ts";

export interface SupervisedOptions {
  /** What the phase trains. */
  readonly parameters: readonly Parameter[];
  readonly learningRate: number;
  logits(backend: TorchBackend, images: Tensor): Tensor;
}

export function supervisedPhase({ parameters, learningRate, logits }: SupervisedOptions): TrainingPhase {
  return {
    name: "supervised",
    data: "labelled",
    supervised: true,
    optimizers: { classifier: { parameters, learningRate, betas: [0.9, 0.999] } },
    step({ backend, minimize }, { images, labels }) {
      if (labels === undefined) {
        throw invalidArgument("labels", "the classes of the batch", labels);
      }
      const scores = logits(backend, images); // (N, K)
      const loss = crossEntropy(scores, labels);
      minimize("classifier", loss);
      return { loss: loss.detach(), correct: correctCount(scores, labels) };
    },
  };
}
