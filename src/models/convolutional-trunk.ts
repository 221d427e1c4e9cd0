// A discriminator of convolutions alone, up to its features: the generator's mirror, as DCGAN pairs them.
// Source: Radford et al. 2016, section 3: strided convolutions in place of pooling, LeakyReLU in every layer, batch norm
// but for the first layer, no hidden linear layer, the last convolution flattened. The CLGAN paper says "pure CNN" (2.1)
// and gives no sizes: these are the generator's (2.3) in reverse, with the kernels, strides and paddings that make them.

import type { Backend } from "../nn/backend.ts";
import { BatchNorm } from "../nn/layers/batch-norm.ts";
import { Conv2d } from "../nn/layers/conv2d.ts";
import { Module } from "../nn/module.ts";
import type { Parameter } from "../nn/parameter.ts";
import { leakySlope } from "./generator.ts";
import { imageSide } from "./model.ts";

export class ConvolutionalTrunk extends Module {
  readonly conv1 = new Conv2d(1, 32, { kernel: 5, stride: 2, padding: 4 });
  readonly conv2 = new Conv2d(32, 64, { kernel: 5, stride: 2, padding: 2 });
  readonly conv3 = new Conv2d(64, 128, { kernel: 5, stride: 2, padding: 2 });
  readonly norm2: BatchNorm | undefined;
  readonly norm3: BatchNorm | undefined;
  /** Features of an image: 128 maps of 4 x 4. */
  readonly features = 2048;

  /** @param options.batchNorm Whether the second and the third convolution are followed by batch norm. */
  constructor({ batchNorm }: { readonly batchNorm: boolean }) {
    super();
    this.norm2 = batchNorm ? new BatchNorm(64) : undefined;
    this.norm3 = batchNorm ? new BatchNorm(128) : undefined;
  }

  /** (N, 28, 28) in [-1, 1] -> (N, 2048). */
  forward<T>(backend: Backend<T, Parameter>, images: T): T {
    let x = backend.reshape(images, [-1, 1, imageSide, imageSide]); // (N, 1, 28, 28)
    x = backend.leakyRelu(this.conv1.forward(backend, x), leakySlope); // (N, 32, 16, 16)
    x = this.conv2.forward(backend, x); // (N, 64, 8, 8)
    x = backend.leakyRelu(this.norm2?.forward(backend, x) ?? x, leakySlope);
    x = this.conv3.forward(backend, x); // (N, 128, 4, 4)
    x = backend.leakyRelu(this.norm3?.forward(backend, x) ?? x, leakySlope);
    return backend.reshape(x, [-1, this.features]);
  }
}
