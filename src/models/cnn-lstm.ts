// CNN-LSTM, the supervised network that the CLGAN paper compares itself with. Source: its section 3.3.

import type { Backend } from "../nn/backend.ts";
import { Conv1d } from "../nn/layers/conv1d.ts";
import { Linear } from "../nn/layers/linear.ts";
import { Lstm } from "../nn/layers/lstm.ts";
import { Module } from "../nn/module.ts";
import type { Parameter } from "../nn/parameter.ts";
import { imageSide, type NetworkRow, type TrainableModel } from "./model.ts";
import { scaleBytes } from "./scaling.ts";
import { supervisedPhase } from "./supervised.ts";

/**
 * "128 filters of size 3": one number where the same paper writes two-dimensional kernels as (3, 3), so the convolutions
 * are one-dimensional, over the image's columns with its rows as channels, as in CLGAN's discriminator. Padding is not
 * named; 1 keeps the lengths that the pooling then halves.
 */
class CnnLstm extends Module {
  readonly conv1 = new Conv1d(imageSide, 128, { kernel: 3, padding: 1 });
  readonly conv2 = new Conv1d(128, 128, { kernel: 3, padding: 1 });
  readonly conv3 = new Conv1d(128, 128, { kernel: 3, padding: 1 });
  readonly lstm = new Lstm(128, 64);
  // "The LSTM's output is flattened": there is something to flatten where all 7 steps are kept. The size of the first of
  // the "two fully connected layers" is not named: as wide as the convolutions.
  readonly hidden = new Linear(7 * 64, 128);
  readonly classes: Linear;

  constructor(classes: number) {
    super();
    this.classes = new Linear(128, classes);
  }

  /** uint8 (N, 28, 28) -> (N, K). */
  logits<T>(backend: Backend<T, Parameter>, images: T): T {
    let x = backend.relu(this.conv1.forward(backend, scaleBytes(backend, images))); // (N, 128, 28)
    x = backend.maxPool1d(x, 2); // (N, 128, 14)
    x = backend.relu(this.conv2.forward(backend, x)); // (N, 128, 14)
    x = backend.maxPool1d(x, 2); // (N, 128, 7)
    x = backend.relu(this.conv3.forward(backend, x)); // (N, 128, 7)
    x = this.lstm.forward(backend, backend.permute(x, [0, 2, 1])); // (N, 7, 64)
    x = backend.relu(this.hidden.forward(backend, backend.reshape(x, [-1, 7 * 64]))); // (N, 128)
    return this.classes.forward(backend, x);
  }
}

export const cnnLstm: NetworkRow<Record<never, never>> = {
  name: "cnn-lstm",
  description: "supervised: three convolutions and an LSTM, from the labelled images alone",
  options: {},
  create({ classes, seed, learningRate }): TrainableModel {
    const root = new CnnLstm(classes).initialize(seed);
    return {
      root,
      classes,
      logits: (backend, images) => root.logits(backend, images),
      phases: [
        supervisedPhase({
          parameters: root.parameters(),
          learningRate,
          logits: (backend, images) => root.logits(backend, images),
        }),
      ],
    };
  },
};
