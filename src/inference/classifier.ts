// A model, loaded for classifying captures and images off the calling thread.
import { availableParallelism } from "node:os";
import { isMainThread } from "node:worker_threads";
import { IMAGE_BYTES } from "../../bindings/capture/batch.ts";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import { type CaptureOptions, resolveCaptureOptions } from "../capture/options.ts";
import { type CaptureSource, isCaptureBytes } from "../capture/pushed-input.ts";
import type { ModelMetadata } from "../onnx/metadata.ts";
import { type Predictions, type VerdictStream, verdictStream } from "./captures-to-verdicts.ts";
import { checkDevice, type Device } from "./device.ts";
import { ISOLATIONS, type Isolation } from "./host.ts";
import { LoadedModel, type LoadOptions } from "./loaded-model.ts";
import { readModelFile } from "./model-file.ts";
import { wantSameSessions, withModelOptions } from "./model-options.ts";

export interface ClassifierOptions {
  /**
   * Hosts (worker threads or processes), each with a session of ONNX Runtime of its own, 1 to 256. Default: as many as make
   * the model faster on this machine, found by a calibration of about a second, which is remembered in
   * $XDG_CACHE_HOME/flowglyph for each model and machine. Given both `workers` and `batch`, there is none.
   */
  readonly workers?: number | undefined;
  /** Images of one run, 1 to 65536. Default: found as `workers` is. */
  readonly batch?: number | undefined;
  /** Default `cpu`. `cuda` needs the CUDA provider of onnxruntime-node. */
  readonly device?: Device | undefined;
  /**
   * Default `thread`. A `process` of its own can run out of memory or crash without taking the caller with it, and starts
   * more slowly; one that hangs can be ended. In a worker thread hosts are processes always.
   */
  readonly isolation?: Isolation | undefined;
  /**
   * Longest time of one run, in seconds: a host that takes longer is replaced and its batch run again, once. Default: 60, and
   * at least a tenth of a second an image of `batch`. A thread that hangs keeps its memory, and may hold up the exit of the
   * process by half a minute and more; a `process` is killed.
   */
  readonly runSeconds?: number | undefined;
  /** Threads that ONNX Runtime uses inside one run. Default 1: the hosts already share out the processors. */
  readonly intraOpThreads?: number | undefined;
}

export interface ClassifyOptions extends CaptureOptions {
  /** Batches in the order of the captures; else each as soon as its verdicts are there. Default `false`. */
  readonly ordered?: boolean | undefined;
}

export interface PredictOptions {
  /** How many of the images; default all. */
  readonly count?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An idle classifier does not keep the process alive. */
export class Classifier implements AsyncDisposable {
  readonly #options: LoadOptions;
  readonly #models = new Set<LoadedModel>();
  #current: LoadedModel;
  #closing: Promise<void> | undefined;

  private constructor(model: LoadedModel, options: LoadOptions) {
    this.#options = options;
    this.#current = model;
    this.#models.add(model);
  }

  /**
   * Loads an ONNX model that flowglyph exported: the path of a `.onnx` file or of a run folder, or the file's bytes.
   * @throws ERR_ARGUMENT; ERR_IO where it cannot be read, ERR_MODEL_FORMAT where it is not such a model, ERR_DEVICE
   */
  static async load(model: string | Uint8Array, options: ClassifierOptions = {}): Promise<Classifier> {
    const resolved = resolveOptions(options);
    return new Classifier(await LoadedModel.load(await readModelFile(model), resolved), resolved);
  }

  /** What the model says of itself: classes, view, mask, timeouts, how it was trained. */
  get metadata(): ModelMetadata {
    return this.#current.metadata;
  }

  /** Hosts. */
  get workers(): number {
    return this.#current.tuning.workers;
  }

  /** Images of one run. */
  get batch(): number {
    return this.#current.tuning.batch;
  }

  get device(): Device {
    return this.#options.device;
  }

  /**
   * Classifies images, uint8 [N, 28, 28]; they stay the caller's, and must not change before the answer. Many calls may be
   * under way at once. @throws ERR_ARGUMENT, ERR_INFERENCE, ERR_ABORTED (by `signal`, or closed before its turn)
   */
  async predict(images: Uint8Array, options: PredictOptions = {}): Promise<Predictions> {
    if (!(images instanceof Uint8Array)) throw invalidArgument("images", "a Uint8Array", typeof images);
    const { count = images.length / IMAGE_BYTES, signal } = options;
    if (!Number.isSafeInteger(count) || count < 0 || count * IMAGE_BYTES > images.length) {
      throw invalidArgument(
        "count",
        `a whole number of images of 784 bytes within ${images.length} bytes`,
        count,
      );
    }
    return this.#current.predict(images, count, signal);
  }

  /**
   * Classifies the sessions of captures: reading, classifying and the consumer work at the same time, and a few batches are
   * alive at once.
   *
   * View, mask, order, decap, protocols and timeouts are the model's. `options` may give them only where the model does not
   * know them (it was trained on images from elsewhere), and fewer protocols; anything else that contradicts the model is
   * ERR_ARGUMENT. `batchSize` is by default some hundreds, whole runs of the classifier; of a stream one run.
   *
   * @param captures files, folders (the captures below them), patterns, `-` for standard input; or one capture as a stream
   * @throws FlowglyphError ERR_ARGUMENT at once; while iterating what `sessions` throws, and ERR_INFERENCE
   */
  classify(captures: CaptureSource, options: ClassifyOptions = {}): VerdictStream {
    const begun = this.#current;
    const { ordered = false, ...capture } = options;
    const matched = withModelOptions(capture, begun.metadata);
    return verdictStream({
      captures,
      options: resolveCaptureOptions({
        ...matched,
        batchSize: matched.batchSize ?? rowsRead(captures, begun.tuning.batch),
      }),
      ordered,
      // One that is computed and one that waits for each host, and one for the consumer.
      limit: 2 * begun.tuning.workers + 1,
      predict: (images, count, signal) => {
        // A swapped model takes over in the middle where it wants the same images.
        const model = wantSameSessions(this.#current.metadata, begun.metadata) ? this.#current : begun;
        return model.predict(images, count, signal);
      },
      begin: () => {
        if (begun.gone && !wantSameSessions(this.#current.metadata, begun.metadata)) {
          throw new FlowglyphError(
            "ERR_INFERENCE",
            "The model was swapped for one of other images before the first batch was asked for",
          );
        }
        return begun.use();
      },
    });
  }

  /**
   * Puts another model in this one's place. What is under way is not disturbed: what was handed to the former model is
   * answered by it, and so are captures that it began where the other wants other images (view, mask, timeouts ...).
   * Resolves when the new one answers; where it cannot be loaded the former one stays. @throws as `load`
   */
  async swap(model: string | Uint8Array): Promise<void> {
    this.#refuseClosed();
    const loaded = await LoadedModel.load(await readModelFile(model), this.#options);
    if (this.#closing) {
      await loaded.close();
      this.#refuseClosed();
    }
    for (const other of this.#models) if (other.gone) this.#models.delete(other);
    this.#models.add(loaded);
    const former = this.#current;
    this.#current = loaded;
    former.retire();
  }

  /** Ends the hosts when the runs under way are done; what waits is ERR_ABORTED. Any number of times. */
  close(): Promise<void> {
    this.#closing ??= Promise.all([...this.#models].map((model) => model.close())).then(() => undefined);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #refuseClosed(): void {
    if (this.#closing) throw new FlowglyphError("ERR_INFERENCE", "The classifier is closed");
  }
}

// A batch that is read passes a dozen hands before it is a verdict, whatever its size: of 64 rows each, as small models are
// fastest with, they took a fifth of the time from capture to file.
const READ_ROWS = 512;

/** Rows of a batch that is read: whole runs. What comes as a stream brings few at a time. */
function rowsRead(captures: CaptureSource, run: number): number {
  return isCaptureBytes(captures) ? run : run * Math.max(1, Math.floor(READ_ROWS / run));
}

function resolveOptions(options: ClassifierOptions): LoadOptions {
  const { workers, batch, device = "cpu", isolation = "thread", intraOpThreads = 1 } = options;
  const { runSeconds = Math.max(60, 0.1 * (batch ?? 0)) } = options;
  // What a timer takes is at most some 24 days.
  if (!(runSeconds > 0 && runSeconds <= 1e6))
    throw invalidArgument("runSeconds", "a number above 0, at most a million", runSeconds);
  if (!ISOLATIONS.includes(isolation)) throw invalidArgument("isolation", '"thread" or "process"', isolation);
  return {
    workers: workers === undefined ? undefined : whole("workers", workers, 256),
    batch: batch === undefined ? undefined : whole("batch", batch, 65536),
    // A graphics card computes one run at a time: a second host fills the gaps.
    maxWorkers: device === "cuda" ? 2 : availableParallelism(),
    intraOpThreads: whole("intraOpThreads", intraOpThreads, 256),
    device: checkDevice(device),
    isolation: isMainThread ? isolation : "process",
    runSeconds,
  };
}

function whole(name: string, value: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return value;
  throw invalidArgument(name, `an integer from 1 to ${most}`, value);
}
