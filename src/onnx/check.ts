// Runs an exported model through onnxruntime and measures how far it is from what the model itself computed.
import { InferenceSession, Tensor } from "onnxruntime-node";
import { FlowglyphError } from "../../bindings/errors.ts";
import { IMAGE_BYTES } from "../dataset/types.ts";
import { INPUT_NAME, OUTPUT_NAME } from "./trace.ts";

/** Largest difference that an export may show: float32 sums in another order, over nets of our depth. */
export const TOLERANCE = 1e-5;

/** One image, a batch that divides nothing, and a large one: what a fixed batch axis in the graph would break. */
export const CHECK_BATCHES = [1, 3, 64] as const;

/** A model file that is open: large ones take seconds to open. */
export interface OpenModel {
  /**
   * `probabilities` float32 [N, classes] for `images` uint8 [N, 28, 28], in batches of `batchSize` (the last may be
   * smaller).
   */
  run(images: Uint8Array, batchSize: number): Promise<Float32Array>;
  release(): Promise<void>;
}

/** @param model Its path, or its bytes. */
export async function openModel(model: string | Uint8Array, classes: number): Promise<OpenModel> {
  const options = { executionProviders: ["cpu"], intraOpNumThreads: 1 };
  const session =
    typeof model === "string"
      ? await InferenceSession.create(model, options)
      : await InferenceSession.create(model, options);
  const where = typeof model === "string" ? model : "the model";
  return {
    async run(images, batchSize) {
      const count = images.length / IMAGE_BYTES;
      const result = new Float32Array(count * classes);
      for (let start = 0; start < count; start += batchSize) {
        const size = Math.min(batchSize, count - start);
        const pixels = images.subarray(start * IMAGE_BYTES, (start + size) * IMAGE_BYTES);
        const outputs = await session.run({ [INPUT_NAME]: new Tensor("uint8", pixels, [size, 28, 28]) });
        const probabilities = outputs[OUTPUT_NAME]?.data;
        if (!(probabilities instanceof Float32Array) || probabilities.length !== size * classes) {
          throw new FlowglyphError(
            "ERR_EXPORT_MISMATCH",
            `Expected ${size} x ${classes} probabilities of ${where} but received ${probabilities?.length ?? "none"}`,
          );
        }
        result.set(probabilities, start * classes);
      }
      return result;
    },
    release: () => session.release(),
  };
}

/** Opens a model file, runs it once and closes it. */
export async function runModel(
  path: string,
  images: Uint8Array,
  classes: number,
  batchSize: number,
): Promise<Float32Array> {
  const model = await openModel(path, classes);
  try {
    return await model.run(images, batchSize);
  } finally {
    await model.release();
  }
}

/** Largest absolute difference; NaN on either side counts as infinite. */
export function largestDifference(a: Float32Array, b: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return largest;
}
