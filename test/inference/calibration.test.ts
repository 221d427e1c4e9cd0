// Calibration against a pool whose speed is known: a clock that the test moves, hosts that take so many milliseconds a run.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { calibrate } from "../../src/inference/calibration.ts";
import type { Pool } from "../../src/inference/pool.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

/** @param msOfRun of one host among `hosts` for a run of `batch` images */
function knownPool(msOfRun: (hosts: number, batch: number) => number) {
  const tuned: [number, number][] = [];
  let [size, batch] = [1, 1];
  let busy = 0;
  const waiting: (() => void)[] = [];
  const pool: Pool = {
    async classify() {
      if (busy === size) await new Promise<void>((resolve) => void waiting.push(resolve));
      busy++;
      await new Promise((resolve) => setTimeout(resolve, msOfRun(size, batch)));
      busy--;
      waiting.shift()?.();
      return { probabilities: new Float32Array(), labels: new Int32Array() } as never;
    },
    async tune(hosts, images) {
      [size, batch] = [hosts, images];
      tuned.push([hosts, images]);
    },
    async close() {},
  };
  return { pool, tuned };
}

async function found(
  msOfRun: (hosts: number, batch: number) => number,
  range: { workers?: number; batch?: number; maxWorkers?: number } = {},
) {
  const { pool, tuned } = knownPool(msOfRun);
  const tuning = calibrate(pool, { maxWorkers: 2, batches: [16, 64, 256], ...range });
  let done = false;
  void tuning.finally(() => {
    done = true;
  });
  while (!done) await vi.advanceTimersByTimeAsync(1);
  expect(tuned.at(-1)).toEqual([(await tuning).workers, (await tuning).batch]);
  return tuning;
}

test("the smallest batch and the fewest hosts that none exceeds by much", async () => {
  expect(await found((_, batch) => 2 + batch / 8)).toEqual({ workers: 2, batch: 256 });
  expect(await found((_, batch) => batch / 8)).toEqual({ workers: 2, batch: 16 });
  expect(await found((hosts, batch) => (hosts * batch) / 8)).toEqual({ workers: 1, batch: 16 });
});

test("several hosts may want other batches than one", async () => {
  // Alone any batch will do; two get in each other's way where runs are short.
  const msOfRun = (hosts: number, batch: number) => batch / 4 + (hosts > 1 ? 1 : 0);
  expect(await found(msOfRun)).toEqual({ workers: 2, batch: 64 });
  expect(await found(msOfRun, { maxWorkers: 1 })).toEqual({ workers: 1, batch: 16 });
});

test("what the caller decided stays, and no batch is tried whose runs take too long", async () => {
  expect(await found((_, batch) => 2 + batch / 8, { batch: 48 })).toEqual({ workers: 2, batch: 48 });
  expect(await found((_, batch) => 2 + batch / 8, { workers: 1 })).toEqual({ workers: 1, batch: 256 });
  expect(await found((_, batch) => (batch > 64 ? 300 : 2 + batch / 8), { workers: 1 })).toEqual({
    workers: 1,
    batch: 64,
  });
});
