// DCGAN as the CLGAN paper compares itself with it (sections 2.1 and 3.2): CLGAN's generator against a discriminator of
// convolutions alone, pre-trained and fine-tuned in the same way. What differs from CLGAN is the discriminator, no more.

import { ConvolutionalTrunk } from "./convolutional-trunk.ts";
import { fingerprintedModel } from "./fingerprinted.ts";
import { outputNormOption } from "./generator.ts";
import type { NetworkRow, TrainableModel } from "./model.ts";
import { twoHeadedModel } from "./two-headed.ts";

type DcganOptions = {
  readonly batchNorm: boolean;
  readonly outputNorm: boolean;
};

export const dcgan: NetworkRow<DcganOptions> = {
  name: "dcgan",
  description:
    "semi-supervised: CLGAN with a discriminator of convolutions alone, the generator's mirror (Radford et al. 2016)",
  options: {
    batchNorm: {
      default: true,
      about: "batch norm in the discriminator (Radford et al. 2016, section 3); the paper does not say",
      expected: "true or false",
      check: (value) => typeof value === "boolean",
    },
    outputNorm: outputNormOption,
  },
  create({ options, ...request }): TrainableModel {
    const trunk = new ConvolutionalTrunk(options);
    return request.recipe === "paper"
      ? twoHeadedModel({ ...request, trunk, generator: options, batchStatistics: options.batchNorm })
      : fingerprintedModel({ ...request, trunk });
  },
};
