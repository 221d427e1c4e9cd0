// The autoencoder that the CLGAN paper compares itself with. Source: its section 3.2, "AE". What it leaves open is decided
// beside the code, as close to CLGAN as the text allows, so that the two differ in how they are pre-trained.

import type { Backend } from "../nn/backend.ts";
import { Conv2d } from "../nn/layers/conv2d.ts";
import { Linear } from "../nn/layers/linear.ts";
import { Lstm } from "../nn/layers/lstm.ts";
import { meanAbsoluteError } from "../nn/losses.ts";
import { Module } from "../nn/module.ts";
import type { Parameter } from "../nn/parameter.ts";
import { ImageGenerator, leakySlope, noiseSize, outputNormOption } from "./generator.ts";
import { imageSide, type NetworkRow, type TrainableModel, type TrainingPhase } from "./model.ts";
import { scaleBytes } from "./scaling.ts";
import { supervisedPhase } from "./supervised.ts";

type AnyBackend<T> = Backend<T, Parameter>;

/**
 * "Three layers of CNN, each with a kernel of (3, 3)"; no strides, no numbers of filters. Stride 2 halves the image with
 * each layer, to 128 maps of 4 x 4: what the decoder, the generator, unfolds its own vector to (section 2.3).
 */
class Encoder extends Module {
  readonly conv1 = new Conv2d(1, 32, { kernel: 3, stride: 2, padding: 1 });
  readonly conv2 = new Conv2d(32, 64, { kernel: 3, stride: 2, padding: 1 });
  readonly conv3 = new Conv2d(64, 128, { kernel: 3, stride: 2, padding: 1 });

  /** (N, 28, 28) in [-1, 1] -> (N, 128, 4, 4). */
  forward<T>(backend: AnyBackend<T>, images: T): T {
    let x = backend.reshape(images, [-1, 1, imageSide, imageSide]); // (N, 1, 28, 28)
    x = backend.leakyRelu(this.conv1.forward(backend, x), leakySlope); // (N, 32, 14, 14)
    x = backend.leakyRelu(this.conv2.forward(backend, x), leakySlope); // (N, 64, 7, 7)
    return backend.leakyRelu(this.conv3.forward(backend, x), leakySlope); // (N, 128, 4, 4)
  }
}

/**
 * "Two layers of CNN with kernels of (3, 3), then LSTM, then a fully connected layer" on the encoder's features. The sizes
 * are those of CLGAN's discriminator (section 2.2): 64 filters, then 64 -> 256.
 */
class Classifier extends Module {
  readonly conv1 = new Conv2d(128, 64, { kernel: 3, padding: 1 });
  readonly conv2 = new Conv2d(64, 64, { kernel: 3, padding: 1 });
  readonly lstm = new Lstm(64, 256);
  readonly classes: Linear;

  constructor(classes: number) {
    super();
    this.classes = new Linear(256, classes);
  }

  /** (N, 128, 4, 4) -> (N, K). A step of the LSTM is a place of the map: row by row, as the bytes lie in the image. */
  forward<T>(backend: AnyBackend<T>, features: T): T {
    let x = backend.leakyRelu(this.conv1.forward(backend, features), leakySlope); // (N, 64, 4, 4)
    x = backend.leakyRelu(this.conv2.forward(backend, x), leakySlope); // (N, 64, 4, 4)
    const steps = backend.permute(backend.reshape(x, [-1, 64, 16]), [0, 2, 1]); // (N, 16, 64)
    return this.classes.forward(backend, backend.select(this.lstm.forward(backend, steps), 1, -1));
  }
}

/**
 * "The decoder has the structure of the generator", whose input is a vector of 100: so one linear layer, `latent`, makes
 * the encoder's 2048 numbers the "latent vector" of that length. The classifier convolves, and a vector has no
 * neighbourhoods: it takes the maps before that layer.
 */
class Autoencoder extends Module {
  readonly encoder = new Encoder();
  readonly latent = new Linear(2048, noiseSize);
  readonly decoder: ImageGenerator;
  readonly classifier: Classifier;

  constructor(classes: number, options: AutoencoderOptions) {
    super();
    this.decoder = new ImageGenerator(options);
    this.classifier = new Classifier(classes);
  }

  /** Scaled images (N, 28, 28) -> what the decoder makes of their latent vectors, same shape and range. */
  reconstruct<T>(backend: AnyBackend<T>, images: T): T {
    const maps = backend.reshape(this.encoder.forward(backend, images), [-1, 2048]);
    return this.decoder.forward(backend, this.latent.forward(backend, maps));
  }

  /** uint8 (N, 28, 28) -> (N, K). */
  logits<T>(backend: AnyBackend<T>, images: T): T {
    return this.classifier.forward(backend, this.encoder.forward(backend, scaleBytes(backend, images)));
  }
}

/** Mean absolute error of the reconstruction, on all images: the unlabelled and, as they are at hand, the labelled. */
function reconstructionPhase(root: Autoencoder, learningRate: number): TrainingPhase {
  const parameters = [root.encoder, root.latent, root.decoder].flatMap((part) => part.parameters());
  return {
    name: "reconstruction",
    data: "all",
    supervised: false,
    optimizers: { autoencoder: { parameters, learningRate, betas: [0.9, 0.999] } },
    step({ backend, minimize }, { images }) {
      const scaled = scaleBytes(backend, images);
      const loss = meanAbsoluteError(root.reconstruct(backend, scaled), scaled);
      minimize("autoencoder", loss);
      return { loss: loss.detach() };
    },
  };
}

type AutoencoderOptions = {
  readonly outputNorm: boolean;
};

export const ae: NetworkRow<AutoencoderOptions> = {
  name: "ae",
  description:
    "semi-supervised: an autoencoder learns to reconstruct all images, then its encoder and an LSTM classifier train on labels",
  options: { outputNorm: outputNormOption },
  create({ classes, seed, learningRate, options }): TrainableModel {
    const root = new Autoencoder(classes, options).initialize(seed);
    return {
      root,
      classes,
      logits: (backend, images) => root.logits(backend, images),
      phases: [
        reconstructionPhase(root, learningRate),
        supervisedPhase({
          parameters: [...root.encoder.parameters(), ...root.classifier.parameters()],
          learningRate,
          logits: (backend, images) => root.logits(backend, images),
        }),
      ],
    };
  },
};
