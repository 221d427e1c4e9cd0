// The phase without labels of a generative adversarial network, by its recipe.

import { type AdversarialOptions, adversarialPhase } from "./adversarial.ts";
import { contrastivePhase } from "./contrastive.ts";
import type { Recipe, TrainingPhase } from "./model.ts";

/** `options.contrast` is there unless the recipe is the paper's. */
export function unlabelledPhase(recipe: Recipe, options: AdversarialOptions): TrainingPhase {
  return recipe === "contrast" && options.contrast !== undefined
    ? contrastivePhase(options, options.contrast)
    : adversarialPhase(options);
}
