// A model file, opened for classifying images off the calling thread.
import { readFile, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { IMAGE_BYTES } from "../../bindings/capture/batch.ts";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import { type ModelMetadata, parseModelMetadata } from "../onnx/metadata.ts";
import { systemReason } from "../system-error.ts";
import type { Scores } from "./messages.ts";
import { openPool, type PoolAnswer } from "./pool.ts";

// Images of one run: enough to fill the processor's vectors, few enough that activations stay in its cache.
const RUN_IMAGES = 256;

export interface ClassifierOptions {
  /**
   * Worker threads, each with a session of its own; processes where the caller is a worker thread itself.
   * Default: one a processor, at most 4.
   */
  readonly workers?: number | undefined;
  /** Threads that ONNX Runtime uses inside one run. Default 1: the workers already share out the processors. */
  readonly intraOpThreads?: number | undefined;
}

export interface Classifier {
  /** What the model says of itself: classes, view, mask, timeouts, how it was trained. */
  readonly metadata: ModelMetadata;
  readonly workers: number;
  /**
   * Classifies `count` images, uint8 [count, 28, 28]; `images` stays the caller's, and must not change before the answer.
   * Many calls may be under way at once. ERR_ARGUMENT, ERR_INFERENCE, ERR_ABORTED (closed before its turn).
   */
  classify(images: Uint8Array, count?: number): Promise<Scores>;
  /** Ends the workers when the runs under way are done. Any number of times. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A classifier whose image memory can be lent instead of copied; for the streaming of captures. */
export interface LendingClassifier extends Classifier {
  /** `images` is transferred away with its whole buffer, and comes back with the answer. */
  classifyLent(images: Uint8Array<ArrayBuffer>, count: number): Promise<PoolAnswer>;
}

/**
 * Opens an ONNX model that flowglyph exported: the path of a `.onnx` file or of a run folder, or the file's bytes.
 * An idle classifier does not keep the process alive.
 * ERR_IO where it cannot be read, ERR_MODEL_FORMAT where it is not such a model.
 */
export async function openClassifier(
  model: string | Uint8Array,
  options: ClassifierOptions = {},
): Promise<Classifier> {
  const workers = threadCount("workers", options.workers ?? Math.min(4, availableParallelism()));
  const intraOpThreads = threadCount("intraOpThreads", options.intraOpThreads ?? 1);
  const { bytes, where } = await readModel(model);
  const metadata = parseModelMetadata(bytes, where);
  const pool = await openPool(
    workers,
    { model: bytes, classes: metadata.classes.length, intraOpThreads },
    where,
  );

  async function classify(images: Uint8Array, count = images.length / IMAGE_BYTES): Promise<Scores> {
    if (!(images instanceof Uint8Array)) throw invalidArgument("images", "a Uint8Array", typeof images);
    if (!Number.isSafeInteger(count) || count < 0 || count * IMAGE_BYTES > images.length) {
      throw invalidArgument(
        "count",
        `a whole number of images of 784 bytes within ${images.length} bytes`,
        count,
      );
    }
    const parts: Promise<PoolAnswer>[] = [];
    for (let row = 0; row < count; row += RUN_IMAGES) {
      const rows = Math.min(RUN_IMAGES, count - row);
      const part = images.subarray(row * IMAGE_BYTES, (row + rows) * IMAGE_BYTES);
      parts.push(pool.classify(part, rows));
    }
    return joinScores(await Promise.all(parts), count, metadata.classes.length);
  }

  const classifier: LendingClassifier = {
    metadata,
    workers,
    classify,
    classifyLent: pool.classifyLent,
    close: pool.close,
    [Symbol.asyncDispose]: pool.close,
  };
  return classifier;
}

function joinScores(parts: readonly PoolAnswer[], count: number, classes: number): Scores {
  const [first] = parts;
  if (first && parts.length === 1) return first.scores;
  const probabilities = new Float32Array(count * classes);
  const classIndex = new Uint32Array(count);
  const probability = new Float32Array(count);
  let row = 0;
  for (const { scores } of parts) {
    probabilities.set(scores.probabilities, row * classes);
    classIndex.set(scores.classIndex, row);
    probability.set(scores.probability, row);
    row += scores.classIndex.length;
  }
  return { probabilities, classIndex, probability };
}

/** The model file that a path means: itself, or model.onnx in a run folder. @throws ERR_IO where there is none */
export async function modelFile(model: string): Promise<string> {
  const statOf = (path: string) =>
    stat(path).catch((cause: NodeJS.ErrnoException) => {
      if (path !== model && cause.code === "ENOENT") {
        throw new FlowglyphError(
          "ERR_IO",
          `Expected a run folder with model.onnx but ${model} has none: it is no run, or its training has not come to its end`,
          { cause },
        );
      }
      throw new FlowglyphError("ERR_IO", `Cannot read the model ${model}: ${systemReason(cause)}`, { cause });
    });
  if (!(await statOf(model)).isDirectory()) return model;
  const file = join(model, "model.onnx");
  await statOf(file);
  return file;
}

async function readModel(model: string | Uint8Array): Promise<{ bytes: Uint8Array; where: string }> {
  if (model instanceof Uint8Array) return { bytes: model, where: "the model" };
  if (typeof model !== "string" || model === "") {
    throw invalidArgument("model", "the path of a model or its bytes", model);
  }
  const where = await modelFile(model);
  try {
    return { bytes: await readFile(where), where };
  } catch (cause) {
    throw new FlowglyphError("ERR_IO", `Cannot read the model ${model}: ${systemReason(cause)}`, { cause });
  }
}

function threadCount(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= 256) return value;
  throw invalidArgument(name, "an integer from 1 to 256", value);
}
