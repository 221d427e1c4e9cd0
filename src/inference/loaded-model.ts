// A model with its pool, and how many use it: one that is swapped for another goes when the last of them is done.
import { IMAGE_BYTES } from "../../bindings/capture/batch.ts";
import type { ModelMetadata } from "../onnx/metadata.ts";
import { BATCHES, calibrate, type Tuning } from "./calibration.ts";
import { readTuning, tuningPath, writeTuning } from "./calibration-cache.ts";
import type { Predictions } from "./captures-to-verdicts.ts";
import type { Device } from "./device.ts";
import type { Isolation } from "./host.ts";
import type { Scores } from "./messages.ts";
import type { ModelFile } from "./model-file.ts";
import { openPool, type Pool } from "./pool.ts";

export interface LoadOptions {
  readonly workers: number | undefined;
  readonly batch: number | undefined;
  readonly maxWorkers: number;
  readonly intraOpThreads: number;
  readonly device: Device;
  readonly isolation: Isolation;
  readonly runSeconds: number;
}

export class LoadedModel {
  readonly metadata: ModelMetadata;
  readonly tuning: Tuning;
  readonly #pool: Pool;
  #users = 0;
  #retired = false;

  private constructor(metadata: ModelMetadata, tuning: Tuning, pool: Pool) {
    this.metadata = metadata;
    this.tuning = tuning;
    this.#pool = pool;
  }

  static async load({ bytes, metadata, where }: ModelFile, options: LoadOptions): Promise<LoadedModel> {
    const { device, intraOpThreads, isolation, maxWorkers, runSeconds } = options;
    const { workers, batch } = options;
    const path = tuningPath(bytes, [device, intraOpThreads, isolation, workers, batch].join());
    const known = workers && batch ? { workers, batch } : await readTuning(path);
    const setup = { model: bytes, classes: metadata.classes.length, intraOpThreads, device };
    const pool = await openPool(setup, {
      size: known?.workers ?? 1,
      batch: known?.batch ?? BATCHES[device][0],
      isolation,
      runSeconds,
      where,
    });
    if (known) return new LoadedModel(metadata, known, pool);
    try {
      const tuning = await calibrate(pool, { workers, batch, maxWorkers, batches: BATCHES[device] });
      await writeTuning(path, tuning);
      return new LoadedModel(metadata, tuning, pool);
    } catch (error) {
      await pool.close();
      throw error;
    }
  }

  get gone(): boolean {
    return this.#retired && this.#users === 0;
  }

  /** Keeps the hosts until what it returns is called; that may be called again. */
  use(): () => void {
    this.#users++;
    let using = true;
    return () => {
      if (!using) return;
      using = false;
      this.#users--;
      if (this.gone) void this.close();
    };
  }

  /** The hosts end when nobody uses them any more. */
  retire(): void {
    this.#retired = true;
    if (this.gone) void this.close();
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  /** Verdicts on images that do not change meanwhile. Many images are shared out among the hosts. */
  async predict(images: Uint8Array, count: number, signal: AbortSignal | undefined): Promise<Predictions> {
    const { batch } = this.tuning;
    const release = this.use();
    try {
      const parts: Promise<Scores>[] = [];
      for (let row = 0; row < count; row += batch) {
        const rows = Math.min(batch, count - row);
        const part = images.subarray(row * IMAGE_BYTES, (row + rows) * IMAGE_BYTES);
        parts.push(this.#pool.classify(part, rows, signal));
      }
      const { classes } = this.metadata;
      return { ...join(await Promise.all(parts), count, classes.length), classes };
    } finally {
      release();
    }
  }
}

function join(parts: readonly Scores[], count: number, classes: number): Scores {
  const [first] = parts;
  if (first && parts.length === 1) return first;
  const probabilities = new Float32Array(count * classes);
  const classIndex = new Uint32Array(count);
  const probability = new Float32Array(count);
  let row = 0;
  for (const part of parts) {
    probabilities.set(part.probabilities, row * classes);
    classIndex.set(part.classIndex, row);
    probability.set(part.probability, row);
    row += part.classIndex.length;
  }
  return { probabilities, classIndex, probability };
}
