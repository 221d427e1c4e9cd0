// Class probabilities of many images through torch, in batches.
import { scope, Tensor } from "../../bindings/torch/index.ts";
import type { TrainableModel } from "../models/model.ts";
import type { TorchBackend } from "../nn/torch-backend.ts";

const BATCH = 512;

/** Lets timers, signals and other work of the process run between two pieces of computation. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The softmax of `predictLogits`. */
export function predictProbabilities(
  model: TrainableModel,
  backend: TorchBackend,
  images: Tensor,
  rows: Uint32Array,
): Promise<Float32Array> {
  return predict(model, backend, images, rows, (logits) => logits.softmax(1));
}

/**
 * float32 [rows.length, K] for rows of `images`, uint8 (N, 28, 28) on the CPU. Batch norm and dropout as in prediction.
 */
export function predictLogits(
  model: TrainableModel,
  backend: TorchBackend,
  images: Tensor,
  rows: Uint32Array,
): Promise<Float32Array> {
  return predict(model, backend, images, rows, (logits) => logits);
}

async function predict(
  model: TrainableModel,
  backend: TorchBackend,
  images: Tensor,
  rows: Uint32Array,
  finish: (logits: Tensor) => Tensor,
): Promise<Float32Array> {
  const result = new Float32Array(rows.length * model.classes);
  for (let start = 0; start < rows.length; start += BATCH) {
    const part = rows.subarray(start, start + BATCH);
    const values = scope(() =>
      backend
        .predict(() => finish(model.logits(backend, gatherBatch(images, part, backend))))
        .toFloat32Array(),
    );
    result.set(values, start * model.classes);
    await yieldToEventLoop();
  }
  return result;
}

/** uint8 (rows.length, 28, 28) on the backend's device: gathered where the images lie, so that bytes cross, not floats. */
export function gatherBatch(images: Tensor, rows: Uint32Array, backend: TorchBackend): Tensor {
  const indices = Tensor.fromBuffer(Int32Array.from(rows));
  return images.indexSelect(0, indices).to({ device: backend.device });
}
