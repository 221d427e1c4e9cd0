// The phase that teaches a network a larger model's answers: on every session of the training part, labelled or not, with
// bytes hidden, so that it learns what the teacher makes of them and not the images by heart (Hinton et al. 2015).

import { invalidArgument } from "../../bindings/errors.ts";
import { Tensor } from "../../bindings/torch/index.ts";
import { replaceBytes } from "../nn/byte-noise.ts";
import { klDivergence } from "../nn/losses.ts";
import { imageSide, type TrainableModel, type TrainingPhase } from "./model.ts";
import { hiddenSymbol, type Patchwise } from "./patchwise.ts";
import { warmCosine } from "./schedules.ts";
import { averageDecay, clipNorm, hiddenShare, weightDecay } from "./tuning.ts";

export interface DistillationOptions {
  readonly learningRate: number;
  /** float32 [pool, K]: the teacher's probabilities, of the phase's rows in their order; each row sums to 1. */
  readonly probabilities: Float32Array<ArrayBuffer>;
}

/** `student` with the one phase that it is distilled in. */
export function distilledModel(student: Patchwise, options: DistillationOptions): TrainableModel {
  return {
    root: student,
    classes: student.classes.bias.elements,
    logits: (backend, images) => student.logits(backend, images),
    phases: [distillationPhase(student, options)],
  };
}

function distillationPhase(
  student: Patchwise,
  { learningRate, probabilities }: DistillationOptions,
): TrainingPhase {
  const classes = student.classes.bias.elements;
  let targets: Tensor | undefined; // (pool, K)
  return {
    name: "distillation",
    data: "all",
    supervised: true,
    keep: "last",
    average: { decay: averageDecay },
    optimizers: {
      student: {
        parameters: student.parameters(),
        learningRate,
        betas: [0.9, 0.999],
        weightDecay,
        decays: ({ path, shape }) => shape.length > 1 && !path.startsWith("embedding."),
        clipNorm,
        schedule: warmCosine,
      },
    },
    async prepare({ backend }) {
      const shape = [probabilities.length / classes, classes];
      targets = Tensor.copyOf(probabilities, shape).to({ device: backend.device }).keep();
    },
    release() {
      targets?.dispose();
      targets = undefined;
    },
    step({ backend, random, minimize }, { images, places }) {
      if (targets === undefined || places === undefined) {
        throw invalidArgument("places", "the places of the images among the teacher's answers", places);
      }
      const bytes = images.reshape([-1, imageSide * imageSide]);
      const hidden = replaceBytes(bytes, hiddenShare, hiddenSymbol, random);
      const loss = klDivergence(student.logits(backend, hidden), targets.indexSelect(0, places));
      minimize("student", loss);
      return { loss: loss.detach() };
    },
  };
}
