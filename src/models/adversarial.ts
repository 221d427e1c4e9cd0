// The adversarial phase (Goodfellow et al. 2014, non-saturating loss): a generator against a discriminator, without labels.

import { Tensor } from "../../bindings/torch/index.ts";
import { realness } from "../nn/losses.ts";
import type { Parameter } from "../nn/parameter.ts";
import type { TorchBackend } from "../nn/torch-backend.ts";
import type { TrainingPhase } from "./model.ts";

export interface AdversarialOptions {
  readonly noise: number;
  readonly learningRate: number;
  readonly generator: readonly Parameter[];
  readonly discriminator: readonly Parameter[];
  /** Whether the discriminator normalises by the batch: then each batch that it sees is all real or all generated. */
  readonly batchStatistics?: boolean;
  /** uint8 (N, 28, 28) -> float32 (N, 28, 28) in [-1, 1], as the generator's. */
  scale(backend: TorchBackend, images: Tensor): Tensor;
  /** Noise (N, noise) -> images (N, 28, 28) in [-1, 1]. */
  generate(backend: TorchBackend, noise: Tensor): Tensor;
  /** Scaled images (N, 28, 28) -> logits (N, 1) of being real. */
  realLogit(backend: TorchBackend, images: Tensor): Tensor;
}

// Radford et al. 2016, section 4: with the usual 0.9 the game oscillates. They found the paper's 2e-4 along with it.
const betas = [0.5, 0.999] as const;

export function adversarialPhase(options: AdversarialOptions): TrainingPhase {
  const { learningRate, generator, discriminator, scale, generate, realLogit } = options;
  /** Logits (N, 1) of both, from one pass: a large batch is faster. */
  const judgeTogether = (backend: TorchBackend, real: Tensor, generated: Tensor) => {
    const count = real.shape[0]!;
    const logits = realLogit(backend, Tensor.concat([real, generated], 0)); // (2N, 1)
    return [logits.slice(0, 0, count), logits.slice(0, count, 2 * count)] as const;
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

      const [onReal, onGenerated] = options.batchStatistics
        ? [realLogit(backend, real), realLogit(backend, generated.detach())]
        : judgeTogether(backend, real, generated.detach());
      const discriminatorLoss = realness(onReal, 1).add(realness(onGenerated, 0));
      minimize("discriminator", discriminatorLoss);

      // The same images again, judged by the discriminator that has just learned; its weights stay, so that their
      // gradients need not be computed.
      const generatorLoss = backend.frozen(discriminator, () => realness(realLogit(backend, generated), 1));
      minimize("generator", generatorLoss);

      return { discriminatorLoss: discriminatorLoss.detach(), generatorLoss: generatorLoss.detach() };
    },
  };
}
