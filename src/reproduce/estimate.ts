// How long a trial takes, roughly, before it was run: from how many images its phases go through, and from the cells of the
// same contender that are done.
import { resolveConfig } from "../training/index.ts";
import type { Trial } from "./cells.ts";
import type { ContenderName } from "./contenders.ts";
import type { CellResult } from "./result.ts";

/** Seconds an image, one thread of a 2.1 GHz server core; of fitted models, a labelled image. */
interface Rate {
  readonly pool: number;
  readonly labelled: number;
}

const RATES: Readonly<Record<ContenderName, Rate>> = {
  clgan: { pool: 6e-3, labelled: 1.5e-3 },
  "clgan-scratch": { pool: 0, labelled: 1.5e-3 },
  dcgan: { pool: 4e-3, labelled: 0.5e-3 },
  ae: { pool: 3e-3, labelled: 2e-3 },
  "cnn-lstm": { pool: 0, labelled: 2e-3 },
  bytesgan: { pool: 6e-3, labelled: 6e-3 },
  trees: { pool: 0, labelled: 1e-3 },
  nearest: { pool: 0, labelled: 1e-3 },
  majority: { pool: 0, labelled: 1e-5 },
};
// Early stopping ends the supervised phase sooner than its last epoch.
const SHARE_OF_EPOCHS = 0.6;
const SMALL_BATCH = 32;
// Start, scores, export.
const FIXED_SECONDS = 2;

/** Seconds that a trial takes. */
export type Estimator = (trial: Trial) => number;

/** @param done results to learn from: the ratio of what they took to what was expected, a contender each */
export function makeEstimator(done: readonly { trial: Trial; result: CellResult }[]): Estimator {
  const ratios = new Map<string, number[]>();
  for (const { trial, result } of done) {
    const { name } = trial.contender;
    ratios.set(name, [...(ratios.get(name) ?? []), result.seconds / expected(trial)]);
  }
  const all = median([...ratios.values()].flat()) ?? 1;
  return (trial) => expected(trial) * (median(ratios.get(trial.contender.name) ?? []) ?? all);
}

function expected({ contender, labelCount, poolCount, training }: Trial): number {
  const rate = RATES[contender.name as ContenderName];
  if (!contender.network) return FIXED_SECONDS + rate.labelled * labelCount;
  const { pretrainEpochs, epochs, minEpochSteps } = resolveConfig({ ...training });
  const images = (rows: number) => Math.max(rows, minEpochSteps * SMALL_BATCH);
  return (
    FIXED_SECONDS +
    rate.pool * images(labelCount + poolCount) * pretrainEpochs +
    rate.labelled * images(labelCount) * epochs * SHARE_OF_EPOCHS
  );
}

function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
