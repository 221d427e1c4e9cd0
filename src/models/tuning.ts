// The supervised phase of Bytewise: trunk and classifier together, from where the linear phase left the classifier.

import { invalidArgument } from "../../bindings/errors.ts";
import { replaceBytes } from "../nn/byte-noise.ts";
import { correctCount, crossEntropy } from "../nn/losses.ts";
import type { Parameter } from "../nn/parameter.ts";
import { type Bytewise, hiddenSymbol } from "./bytewise.ts";
import { fitLinear } from "./linear-start.ts";
import { imageSide, type TrainingPhase } from "./model.ts";
import { warmCosine } from "./schedules.ts";

/** Share of the bytes that a step hides: what is left must do. */
export const hiddenShare = 0.1;
/** Decoupled weight decay and the bound on the gradient's norm, in both phases that train the trunk. */
export const weightDecay = 0.05;
export const clipNorm = 1;
/** Of the average of the weights that is kept: over the last 50 steps or so. */
export const averageDecay = 0.98;

export function tuningPhase(model: Bytewise, learningRate: number): TrainingPhase {
  return {
    name: "supervised",
    data: "labelled",
    supervised: true,
    // The schedule ends where the epochs do, and its end is what is kept: no labels are spent on stopping early.
    keep: "last",
    average: { decay: averageDecay },
    optimizers: {
      classifier: {
        parameters: [...model.trunk.parameters(), ...model.classes.parameters()],
        learningRate,
        betas: [0.9, 0.999],
        weightDecay,
        decays: isMatrix,
        clipNorm,
        schedule: warmCosine,
      },
    },
    // A phase that goes on has its classifier already.
    prepare: async (tools) => (tools.resumed ? undefined : fitLinear(model, tools)),
    step({ backend, random, minimize }, { images, labels }) {
      if (labels === undefined) throw invalidArgument("labels", "the classes of the batch", labels);
      const bytes = images.reshape([-1, imageSide * imageSide]);
      const hidden = replaceBytes(bytes, hiddenShare, hiddenSymbol, random);
      const features = model.features(
        backend,
        model.trunk.forward(backend, hidden),
        model.factors(backend, bytes),
      );
      const scores = model.classes.forward(backend, features);
      const loss = crossEntropy(scores, labels);
      minimize("classifier", loss);
      return { loss: loss.detach(), correct: correctCount(scores, labels) };
    },
  };
}

/**
 * What decays, in both phases: matrices, but neither the classifier, whose size the linear phase's penalty has set, nor the
 * embedding's rows, which are symbols.
 */
export function isMatrix({ path, shape }: Pick<Parameter, "path" | "shape">): boolean {
  return (
    shape.length > 1 &&
    path.endsWith("weight") &&
    !path.startsWith("classes.") &&
    !path.includes("embedding.")
  );
}
