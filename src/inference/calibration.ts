// Finds the batch and the number of hosts that a model runs fastest with on this machine, by running it.
import { IMAGE_BYTES } from "../../bindings/capture/batch.ts";
import type { Pool } from "./pool.ts";

export interface Tuning {
  /** Hosts. */
  readonly workers: number;
  /** Images a run. */
  readonly batch: number;
}

export interface CalibrationRange {
  /** What the caller decided; what is left out is found. */
  readonly workers?: number | undefined;
  readonly batch?: number | undefined;
  readonly maxWorkers: number;
  readonly batches: readonly number[];
}

/** Batches worth trying, by what a run is good for: a processor's vectors and cache, or a graphics card's many cores. */
export const BATCHES = { cpu: [16, 32, 64, 128, 256], cuda: [64, 256, 1024, 4096] } as const;

// Of each trial. Three rounds, turn by turn, so that what else the machine does falls on all of them.
const TRIAL_MS = 25;
const ROUNDS = 3;
// A verdict should not wait longer for its batch, nor the process for its end.
const LONGEST_RUN_MS = 250;
// Larger batches and more hosts cost latency and memory: they have to be worth it.
const WORTH_BATCH = 1.05;
const WORTH_HOSTS = 1.1;

/** Leaves the pool, which has one host, tuned to what it found. */
export async function calibrate(pool: Pool, range: CalibrationRange): Promise<Tuning> {
  const alone = range.batch ?? (await bestBatch(pool, range.batches, 1));
  await pool.tune(1, alone);
  const workers = range.workers ?? (await bestWorkers(pool, alone, range.maxWorkers));
  // Hosts share caches, memory and our thread, which answers each run: together they may want other batches.
  const batch = range.batch ?? (workers > 1 ? await bestBatch(pool, range.batches, workers) : alone);
  await pool.tune(workers, batch);
  return { workers, batch };
}

async function bestBatch(pool: Pool, batches: readonly number[], workers: number): Promise<number> {
  const rates = new Map<number, number[]>();
  let tried = batches;
  for (let round = 0; round < ROUNDS; round++) {
    for (const batch of tried) {
      await pool.tune(workers, batch);
      const { perSecond, runMs } = await rateOf(pool, batch, workers);
      rates.set(batch, [...(rates.get(batch) ?? []), perSecond]);
      if (runMs > LONGEST_RUN_MS) {
        tried = tried.filter((other) => other < batch);
        break;
      }
    }
  }
  return leastWorth(
    [...rates].map(([value, found]) => ({ value, rate: median(found) })),
    WORTH_BATCH,
  );
}

async function bestWorkers(pool: Pool, batch: number, most: number): Promise<number> {
  const found: { value: number; rate: number }[] = [];
  for (let workers = 1; ; workers = Math.min(2 * workers, most)) {
    await pool.tune(workers, batch);
    const rates: number[] = [];
    for (let round = 0; round < ROUNDS; round++) rates.push((await rateOf(pool, batch, workers)).perSecond);
    found.push({ value: workers, rate: median(rates) });
    const before = found.at(-2);
    const stagnates = before !== undefined && median(rates) < before.rate * WORTH_HOSTS;
    if (stagnates || workers === most) return leastWorth(found, WORTH_HOSTS);
  }
}

/** The smallest whose rate none exceeds by the factor. */
function leastWorth(found: readonly { value: number; rate: number }[], factor: number): number {
  const best = Math.max(...found.map(({ rate }) => rate));
  return found.find(({ rate }) => rate * factor >= best)!.value;
}

async function rateOf(
  pool: Pool,
  batch: number,
  workers: number,
): Promise<{ perSecond: number; runMs: number }> {
  const images = someSessions(batch);
  let runs = 0;
  let until = 0;
  const work = async () => {
    do {
      await pool.classify(images, batch);
      runs++;
    } while (performance.now() < until);
  };
  // The first runs of a size allocate what the later ones use again.
  await Promise.all(Array.from({ length: workers }, work));
  runs = 0;
  const started = performance.now();
  until = started + TRIAL_MS;
  // Twice as many as hosts: none waits for our thread.
  await Promise.all(Array.from({ length: 2 * workers }, work));
  const ms = performance.now() - started;
  return { perSecond: (runs * batch * 1000) / ms, runMs: (ms * workers) / runs };
}

/**
 * Images as sessions fill them, from 64 bytes to all, with zeros behind: models that skip padding, or reach for tables, are as
 * fast on them as on traffic. uint8 [count, 784]
 */
function someSessions(count: number): Uint8Array {
  return new Uint8Array(count * IMAGE_BYTES).map((_, i) => {
    const [row, place] = [Math.floor(i / IMAGE_BYTES), i % IMAGE_BYTES];
    const length = 64 + ((row * 157) % (IMAGE_BYTES - 63));
    return place < length ? Math.imul(i, 2654435761) >>> 24 : 0;
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
