// Where tuning starts from: the linear classifier fitted on the features of the labelled sessions, everything below it as it
// is. With few labels a classifier fitted with an L2 penalty beats one that Adam trains (on the pair factors of ISCX and 100
// labels, 76 against 69 %), and tuning that starts from it does not distort the features to make up for a random classifier
// (Kumar et al. 2022, "Fine-tuning can distort pretrained features and underperform out-of-distribution": LP-FT).

import { fitLogistic } from "../../bindings/capture/logistic.ts";
import { invalidArgument } from "../../bindings/errors.ts";
import { scope, Tensor } from "../../bindings/torch/index.ts";
import { concatenate } from "../concatenate.ts";
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
  const side = imageSide * imageSide;
  const pooled: Float32Array[] = [];
  const factors: Float32Array[] = [];
  for (let row = 0; row < count; row += batch) {
    const rows = Math.min(batch, count - row);
    scope(() =>
      backend.predict(() => {
        const part = images.slice(row * side, (row + rows) * side);
        const bytes = Tensor.fromBuffer(part, [rows, side]).to({ device: backend.device });
        pooled.push(model.trunk.forward(backend, bytes).toFloat32Array());
        factors.push(model.factors(backend, bytes).toFloat32Array());
      }),
    );
  }
  return { pooled: concatenate(Float32Array, pooled), factors: concatenate(Float32Array, factors) };
}
