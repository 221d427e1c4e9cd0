// Where tuning starts from: the linear classifier fitted on the features of the labelled sessions, everything below it as it
// is. With few labels a classifier fitted with an L2 penalty beats one that Adam trains (on the pair factors of ISCX and 100
// labels, 76 against 69 %), and tuning that starts from it does not distort the features to make up for a random classifier
// (Kumar et al. 2022, "Fine-tuning can distort pretrained features and underperform out-of-distribution": LP-FT).

import { fitLogistic } from "../../bindings/capture/logistic.ts";
import { invalidArgument } from "../../bindings/errors.ts";
import { scope, Tensor } from "../../bindings/torch/index.ts";
import { concatenate } from "../concatenate.ts";
import type { Linear } from "../nn/layers/linear.ts";
import type { TorchBackend } from "../nn/torch-backend.ts";
import type { Bytewise } from "./bytewise.ts";
import { imageSide, type PrepareTools } from "./model.ts";

// Images of one forward pass.
const batch = 256;

/** Sets the model's `center` and `classes` from the labelled images. */
export async function fitLinear(
  model: Bytewise,
  { backend, images, labels, threads, signal }: PrepareTools,
): Promise<void> {
  if (labels === undefined) throw invalidArgument("labels", "the classes of the images", labels);
  const count = labels.length;
  const { pooled, factors } = pooledFeatures(model, backend, images, count);
  const width = pooled.length / count;
  const center = new Float32Array(width);
  for (let i = 0; i < pooled.length; i++) center[i % width]! += pooled[i]! / count;
  model.center.assign(center);
  const features = scope(() =>
    backend.predict(() =>
      model
        .features(
          backend,
          Tensor.fromBuffer(pooled, [count, width]).to({ device: backend.device }),
          Tensor.fromBuffer(factors, [count, factors.length / count]).to({ device: backend.device }),
        )
        .toFloat32Array(),
    ),
  );
  const classes = model.classes.bias.elements;
  const { weight, bias } = await fitLogistic(features, labels, { classes, threads, signal });
  model.classes.weight.assign(weight);
  model.classes.bias.assign(bias);
}

function pooledFeatures(model: Bytewise, backend: TorchBackend, images: Uint8Array, count: number) {
  const pooled: Float32Array[] = [];
  const factors: Float32Array[] = [];
  inBatches(backend, images, count, (part) => {
    pooled.push(model.trunk.forward(backend, part.reshape([-1, imageSide * imageSide])).toFloat32Array());
    factors.push(model.factors(backend, part).toFloat32Array());
  });
  return { pooled: concatenate(Float32Array, pooled), factors: concatenate(Float32Array, factors) };
}

// Standardised, a feature's own deviation is 1: over the square root of their number, a session's length is about 1, which
// is what the penalty is made for. A feature that does not move tells nothing, and dividing by 0 would make it loud.
const leastDeviation = 1e-3;

// C, the weaker the more labels there are. Of ISCX, 100, 1000 and 3000 labels like 100, 3000 and 1000 best; USTC does not mind.
const mostPenalty = 1000;

/**
 * Sets `classes` to the logistic regression on the labelled images' features, each standardised, as weights of the features
 * as they are.
 * @param features images uint8 (N, 28, 28) -> (N, F), as the classifier will see them in prediction
 */
export async function startClassifier(
  classes: Linear,
  { backend, images, labels, threads, signal }: PrepareTools,
  features: (images: Tensor) => Tensor,
): Promise<void> {
  if (labels === undefined) throw invalidArgument("labels", "the classes of the images", labels);
  const parts: Float32Array[] = [];
  inBatches(backend, images, labels.length, (part) => parts.push(features(part).toFloat32Array()));
  const values = concatenate(Float32Array, parts);
  const { mean, scale } = standardisation(values, labels.length);
  const width = mean.length;
  const standardised = values.map((value, i) => (value - mean[i % width]!) / scale[i % width]!);
  const penalty = Math.min(labels.length, mostPenalty);
  const options = { classes: classes.bias.elements, penalty, threads, signal };
  const { weight, bias } = await fitLogistic(standardised, labels, options);
  for (let i = 0; i < weight.length; i++) {
    weight[i]! /= scale[i % width]!;
    bias[Math.floor(i / width)]! -= weight[i]! * mean[i % width]!;
  }
  classes.weight.assign(weight);
  classes.bias.assign(bias);
}

/** Of float32 [count, F]: each column's mean, and its deviation times the square root of F. */
function standardisation(values: Float32Array, count: number) {
  const width = values.length / count;
  const mean = new Float64Array(width);
  const scale = new Float64Array(width);
  for (let i = 0; i < values.length; i++) mean[i % width]! += values[i]! / count;
  for (let i = 0; i < values.length; i++) scale[i % width]! += (values[i]! - mean[i % width]!) ** 2 / count;
  for (let j = 0; j < width; j++)
    scale[j] = Math.max(Math.sqrt(scale[j]!), leastDeviation) * Math.sqrt(width);
  return { mean, scale };
}

/** Runs `each` on the images batch by batch, uint8 (N, 28, 28), as in prediction, each time in a scope of its own. */
function inBatches(
  backend: TorchBackend,
  images: Uint8Array,
  count: number,
  each: (images: Tensor) => void,
): void {
  const side = imageSide * imageSide;
  for (let row = 0; row < count; row += batch) {
    const rows = Math.min(batch, count - row);
    scope(() =>
      backend.predict(() => {
        const part = Tensor.fromBuffer(images.slice(row * side, (row + rows) * side), [
          rows,
          imageSide,
          imageSide,
        ]);
        each(part.to({ device: backend.device }));
      }),
    );
  }
}
