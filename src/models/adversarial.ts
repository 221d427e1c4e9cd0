// The adversarial phase, without labels: a generator against a discriminator (Goodfellow et al. 2014, the non-saturating
// loss), as the paper has it. What it is worth, and what was tried to mend it: docs/adversarial.md.

import { Tensor } from "../../bindings/torch/index.ts";
import { realness } from "../nn/losses.ts";
import type { Parameter } from "../nn/parameter.ts";
import type { TorchBackend } from "../nn/torch-backend.ts";
import type { TrainingPhase } from "./model.ts";

/** Adam's. Radford et al. 2016, section 4: with the usual 0.9 the game oscillates. */
const betas = [0.5, 0.999] as const;

export interface AdversarialOptions {
  readonly noise: number;
  readonly learningRate: number;
  readonly generator: readonly Parameter[];
  /** The discriminator: what the classifier takes over, and what only tells real from generated. */
  readonly trunk: readonly Parameter[];
  readonly reality: readonly Parameter[];
  /** Whether the discriminator normalises by the batch: then each batch that it sees is all real or all generated. */
  readonly batchStatistics?: boolean;
  /** uint8 (N, 28, 28) -> float32 (N, 28, 28) in [-1, 1], as the generator's. */
  scale(backend: TorchBackend, images: Tensor): Tensor;
  /** Noise (N, noise) -> images (N, 28, 28) in [-1, 1]. */
  generate(backend: TorchBackend, noise: Tensor): Tensor;
  /** Scaled images (N, 28, 28) -> what the discriminator's heads stand on, (N, F). */
  features(backend: TorchBackend, images: Tensor): Tensor;
  /** Features (N, F) -> logits (N, 1) of being real. */
  judge(backend: TorchBackend, features: Tensor): Tensor;
}

export function adversarialPhase(options: AdversarialOptions): TrainingPhase {
  const { learningRate, generator, scale, generate, features, judge } = options;
  const discriminator = [...options.trunk, ...options.reality];
  /** Features of both, from one pass where the discriminator allows it: a large batch is faster. */
  const featuresOf = (backend: TorchBackend, images: readonly Tensor[]): Tensor[] => {
    if (options.batchStatistics) return images.map((batch) => features(backend, batch));
    const all = features(backend, Tensor.concat(images, 0));
    const count = images[0]!.shape[0]!;
    return images.map((_, i) => all.slice(0, i * count, (i + 1) * count));
  };
  return {
    name: "adversarial",
    data: "all",
    supervised: false,
    optimizers: {
      discriminator: { parameters: discriminator, learningRate, betas },
      generator: { parameters: generator, learningRate, betas },
    },
    step({ backend, random, minimize }, { images }) {
      const count = images.shape[0]!;
      const real = scale(backend, images);
      const generated = generate(backend, Tensor.uniform([count, options.noise], -1, 1, random));

      const [ofReal, ofGenerated] = featuresOf(backend, [real, generated.detach()]) as [Tensor, Tensor];
      const discriminatorLoss = realness(judge(backend, ofReal), 1).add(
        realness(judge(backend, ofGenerated), 0),
      );
      minimize("discriminator", discriminatorLoss);

      // The same images again, judged by the discriminator that has just learned; its weights stay, so that their
      // gradients need not be computed.
      const generatorLoss = backend.frozen(discriminator, () =>
        realness(judge(backend, features(backend, generated)), 1),
      );
      minimize("generator", generatorLoss);

      return {
        discriminatorLoss: discriminatorLoss.detach(),
        generatorLoss: generatorLoss.detach(),
      };
    },
  };
}
