// Instance discrimination for a discriminator (Jeong and Shin 2021, "Training GANs with stronger augmentations via
// contrastive discriminator"): besides telling real from generated, its trunk must tell real images from one another, by
// the loss of Chen et al. 2020 (SimCLR, section 2.1). Telling real from generated can be done by one direction of the
// features and lets the others wither; this cannot.

import { type Generator, Tensor } from "../../bindings/torch/index.ts";
import type { Backend } from "../nn/backend.ts";
import { Linear } from "../nn/layers/linear.ts";
import { crossEntropy } from "../nn/losses.ts";
import { Module } from "../nn/module.ts";
import type { Parameter } from "../nn/parameter.ts";
import { imageSide } from "./model.ts";

// SimCLR's head: two layers, left behind after training (its section 4.2). Sizes for features of 256.
const hiddenSize = 256;
const embeddingSize = 100;

/**
 * How much faster than the paper's 2e-4 a trunk learns that is contrasted: at 2e-4 a few hundred steps hardly move it.
 * Beside a generator it makes two time scales (Heusel et al. 2017).
 */
export const contrastPace = 5;
/** Adam's, in the phases without labels. Radford et al. 2016, section 4: with the usual 0.9 the game oscillates. */
export const phaseBetas = [0.5, 0.999] as const;

/** What stands on the trunk during the phase: features (N, F) -> embeddings (N, E). */
export class ContrastHead extends Module {
  readonly hidden: Linear;
  readonly out: Linear;

  constructor(features: number) {
    super();
    this.hidden = new Linear(features, hiddenSize);
    this.out = new Linear(hiddenSize, embeddingSize);
  }

  forward<T>(backend: Backend<T, Parameter>, features: T): T {
    return this.out.forward(backend, backend.relu(this.hidden.forward(backend, features)));
  }
}

// Images of sessions have no crops or colours: a view of one is what is left when runs of its bytes are hidden. A header
// field takes 1 to 4 bytes, so runs of 4 hide whole fields.
const run = 4;
const hiddenShare = 0.3;

/** A view: runs of bytes at 0, the middle of the scale, as no scaled byte is. float32 (N, 28, 28) -> same. */
export function hideRuns(images: Tensor, random: Generator): Tensor {
  const count = images.shape[0]!;
  const kept = Tensor.uniform([count, imageSide, imageSide / run, 1], 0, 1, random)
    .less(1 - hiddenShare)
    .to({ dtype: "float32" })
    .expand([count, imageSide, imageSide / run, run])
    .reshape([count, imageSide, imageSide]);
  return images.multiply(kept);
}

// Chen et al. 2020 find 0.1 to 0.5 alike; small batches like it warm.
const temperature = 0.2;

/**
 * The normalised temperature-scaled cross-entropy: which of the other 2N - 1 is the second view of the same image, by the
 * cosine of their embeddings. Rows i and N + i of `embeddings` (2N, E) are views of one image.
 */
export function contrastLoss(embeddings: Tensor): Tensor {
  const rows = embeddings.shape[0]!;
  const { device } = embeddings;
  const norms = embeddings.pow(2).sum([1], true).add(1e-12).sqrt();
  const unit = embeddings.divide(norms);
  const index = Tensor.arange(rows, { device });
  const itself = index.unsqueeze(1).equal(index.unsqueeze(0)).to({ dtype: "float32" }); // (2N, 2N), the diagonal
  const similarity = unit
    .matmul(unit.permute([1, 0]))
    .divide(temperature)
    .subtract(itself.multiply(1e9));
  const half = rows / 2;
  const partners = Tensor.concat([index.slice(0, half, rows), index.slice(0, 0, half)], 0);
  return crossEntropy(similarity, partners);
}
