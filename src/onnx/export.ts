// Write to a temporary file, run it, compare with the model's own probabilities, and only then rename it into place.
import { open, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { FlowglyphError } from "../../bindings/errors.ts";
import { IMAGE_BYTES } from "../dataset/types.ts";
import { CHECK_BATCHES, largestDifference, openModel, TOLERANCE } from "./check.ts";
import type { ModelMetadata } from "./metadata.ts";
import { type ReadableParameter, type Traceable, traceModel } from "./trace.ts";

/** What an export is held against: images uint8 [N, 28, 28] and what the model itself gives for them, float32 [N, K]. */
export interface ExportCheck {
  readonly images: Uint8Array;
  readonly probabilities: Float32Array;
}

/** Traces a network and saves it as `exportModelFile` does. */
export function exportOnnx<P extends ReadableParameter>(
  model: Traceable<P>,
  metadata: ModelMetadata,
  path: string,
  check: ExportCheck,
): Promise<{ largestDifference: number }> {
  return exportModelFile(() => traceModel(model, metadata), metadata.classes.length, path, check);
}

/**
 * Writes what `encode` gives, the bytes of an ONNX model, to `path`, after onnxruntime has given the same probabilities
 * as the model itself, to 1e-5, in batches of 1, 3 and 64. Nothing is left at `path` otherwise (an older file there stays
 * as it was).
 * @throws ERR_EXPORT_MISMATCH where they differ, ERR_IO where the file cannot be written.
 */
export async function exportModelFile(
  encode: () => Uint8Array,
  classes: number,
  path: string,
  check: ExportCheck,
): Promise<{ largestDifference: number }> {
  const count = check.images.length / IMAGE_BYTES;
  if (count < 1 || !Number.isInteger(count) || check.probabilities.length !== count * classes) {
    throw new FlowglyphError(
      "ERR_ARGUMENT",
      `Expected at least one image of ${IMAGE_BYTES} bytes and ${classes} probabilities for each but received ${check.images.length} bytes and ${check.probabilities.length} probabilities`,
    );
  }
  const bytes = encode();
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeDurably(temporary, bytes);
    const largest = await compare(temporary, classes, check);
    await rename(temporary, path);
    return { largestDifference: largest };
  } catch (error) {
    await rm(temporary, { force: true });
    if (error instanceof FlowglyphError) throw error;
    const where = (error as NodeJS.ErrnoException).code === undefined ? "ERR_EXPORT_MISMATCH" : "ERR_IO";
    const what =
      where === "ERR_IO" ? `Cannot write ${resolve(dirname(path))}` : "onnxruntime refused the export";
    throw new FlowglyphError(where, `${what}: ${(error as Error).message}`, { cause: error });
  }
}

async function compare(path: string, classes: number, check: ExportCheck): Promise<number> {
  const model = await openModel(path, classes);
  try {
    let largest = 0;
    for (const batchSize of CHECK_BATCHES) {
      const difference = largestDifference(await model.run(check.images, batchSize), check.probabilities);
      largest = Math.max(largest, difference);
      if (!(difference <= TOLERANCE)) {
        throw new FlowglyphError(
          "ERR_EXPORT_MISMATCH",
          `Expected ONNX Runtime's and the model's own probabilities within ${TOLERANCE} in batches of ${batchSize} but they differ by ${difference}; nothing was saved`,
        );
      }
    }
    return largest;
  } finally {
    await model.release();
  }
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
