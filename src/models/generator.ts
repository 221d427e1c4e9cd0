// CLGAN's generator. DCGAN takes it as it is, the autoencoder decodes with it: the paper gives one architecture for all.
// Source: the CLGAN paper, section 2.3. Where it is silent, the choice and its reason stand beside the code.

import type { Backend } from "../nn/backend.ts";
import { BatchNorm } from "../nn/layers/batch-norm.ts";
import { ConvTranspose2d } from "../nn/layers/conv-transpose2d.ts";
import { Linear } from "../nn/layers/linear.ts";
import { Lstm } from "../nn/layers/lstm.ts";
import { Module } from "../nn/module.ts";
import type { Parameter } from "../nn/parameter.ts";
import { imageSide, type ModelOption } from "./model.ts";

/** Section 2.3: the generator starts from 100 numbers. */
export const noiseSize = 100;
/**
 * The negative slope of every LeakyReLU. Sections 2.2 and 2.3 name the activation and no slope, and no activation at all
 * for the discriminator's convolutions; DCGAN (Radford et al. 2016, section 3), the frame that the paper builds on, has
 * LeakyReLU 0.2 there.
 */
export const leakySlope = 0.2;

/**
 * Our reading of the "temporal feature enhancement module" that section 2.3 lists among the generator's parts and that no
 * sentence describes. Before the Tanh a bidirectional LSTM reads the image row by row, in the order of the bytes, and what
 * it makes of each row is added to it: bytes that the deconvolutions paint apart can follow from one another, as they do in
 * traffic, and the deconvolutions' own image passes unchanged beside it.
 */
class TemporalEnhancement extends Module {
  readonly lstm = new Lstm(imageSide, imageSide, { bidirectional: true });
  readonly project = new Linear(2 * imageSide, imageSide);

  /** (N, 28, 28) -> (N, 28, 28), before the Tanh. */
  forward<T>(backend: Backend<T, Parameter>, images: T): T {
    const states = this.lstm.forward(backend, images); // (N, 28, 56)
    const rows = this.project.forward(backend, backend.reshape(states, [-1, 2 * imageSide])); // (28 N, 28)
    return backend.add(images, backend.reshape(rows, [-1, imageSide, imageSide]));
  }
}

export interface GeneratorOptions {
  /** Whether the temporal enhancement stands before the Tanh. Default false: what the paper describes. */
  readonly enhancement?: boolean;
  /** Whether batch norm stands before the Tanh. Default true: section 2.3 has it "after each" deconvolution. */
  readonly outputNorm?: boolean;
}

/** The row of a model whose generator can do without its last batch norm. */
export const outputNormOption: ModelOption<boolean> = {
  default: true,
  about:
    "batch norm before the generator's Tanh (paper, 2.3): its images start at mean 0, real ones lie near -0.7; DCGAN has none there (Radford et al. 2016)",
  expected: "true or false",
  check: (value) => typeof value === "boolean",
};

/** Section 2.3, in the sizes that it states. Its padding of 1 does not give them: 2 and, for the last, 4 do. */
export class ImageGenerator extends Module {
  readonly project = new Linear(noiseSize, 2048);
  readonly up1 = new ConvTranspose2d(128, 64, { kernel: 5, stride: 2, padding: 2, outputPadding: 1 });
  readonly norm1 = new BatchNorm(64);
  readonly up2 = new ConvTranspose2d(64, 32, { kernel: 5, stride: 2, padding: 2, outputPadding: 1 });
  readonly norm2 = new BatchNorm(32);
  readonly up3 = new ConvTranspose2d(32, 1, { kernel: 5, stride: 2, padding: 4, outputPadding: 1 });
  readonly norm3: BatchNorm | undefined;
  readonly enhancement: TemporalEnhancement | undefined;

  constructor({ enhancement = false, outputNorm = true }: GeneratorOptions = {}) {
    super();
    this.norm3 = outputNorm ? new BatchNorm(1) : undefined;
    this.enhancement = enhancement ? new TemporalEnhancement() : undefined;
  }

  /** (N, 100) -> (N, 28, 28) in [-1, 1]. */
  forward<T>(backend: Backend<T, Parameter>, z: T): T {
    let x = backend.reshape(this.project.forward(backend, z), [-1, 128, 4, 4]); // (N, 128, 4, 4)
    x = backend.leakyRelu(this.norm1.forward(backend, this.up1.forward(backend, x)), leakySlope); // (N, 64, 8, 8)
    x = backend.leakyRelu(this.norm2.forward(backend, this.up2.forward(backend, x)), leakySlope); // (N, 32, 16, 16)
    x = this.up3.forward(backend, x); // (N, 1, 28, 28)
    x = this.norm3?.forward(backend, x) ?? x;
    x = backend.reshape(x, [-1, imageSide, imageSide]);
    return backend.tanh(this.enhancement?.forward(backend, x) ?? x);
  }
}
