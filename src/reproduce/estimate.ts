// How long a trial takes, roughly, before it was run: from how many images its phases go through, and from the cells of the
// same contender that are done.
import { resolveConfig } from "../training/index.ts";
import { type Cell, pretrainingKey, type Trial } from "./cells.ts";
import type { ContenderName } from "./contenders.ts";
import type { CellResult } from "./result.ts";

/** Seconds an image, one thread of a 2.1 GHz server core; of fitted models, a labelled image. */
interface Rate {
  readonly pool: number;
  readonly labelled: number;
}

const RATES: Readonly<Record<string, Rate>> = {
  clgan: { pool: 6e-3, labelled: 1.5e-3 },
  "clgan-stable": { pool: 8e-4, labelled: 1.5e-3 },
  "clgan-scratch": { pool: 0, labelled: 1.5e-3 },
  dcgan: { pool: 4e-3, labelled: 0.5e-3 },
  ae: { pool: 3e-3, labelled: 2e-3 },
  "cnn-lstm": { pool: 0, labelled: 2e-3 },
  bytesgan: { pool: 2e-3, labelled: 2e-3 },
  experts: { pool: 4e-4, labelled: 4e-3 },
  factors: { pool: 4e-4, labelled: 2e-3 },
  bytewise: { pool: 3e-3, labelled: 3e-3 },
  trees: { pool: 0, labelled: 1e-3 },
  nearest: { pool: 0, labelled: 4e-3 },
  majority: { pool: 0, labelled: 1e-5 },
} satisfies Record<string, Rate> & Readonly<Record<ContenderName, Rate>>;
/** Of a model that has no row among the contenders: a network as large as CLGAN. */
const rateOf = (name: string): Rate => RATES[name] ?? RATES.clgan!;

// Early stopping ends the supervised phase sooner than its last epoch.
const SHARE_OF_EPOCHS = 0.6;
const SMALL_BATCH = 32;
// Start, scores, export.
const FIXED_SECONDS = 2;

/** Seconds. */
export interface Estimator {
  /** A trial, without the pre-training that it shares. */
  cell(trial: Trial): number;
  /** The pre-training that a trial shares. */
  pretraining(trial: Trial): number;
}

/** @param done results to learn from: the ratio of what they took to what was expected, a contender each */
export function makeEstimator(done: readonly { trial: Trial; result: CellResult }[]): Estimator {
  const ratios = new Map<string, number[]>();
  for (const { trial, result } of done) {
    const { name } = trial.contender;
    const ratio =
      (result.seconds + result.sharedSeconds) /
      (expected(trial) + (trial.sharesPretraining ? expectedPretraining(trial) : 0));
    ratios.set(name, [...(ratios.get(name) ?? []), ratio]);
  }
  const all = median([...ratios.values()].flat()) ?? 1;
  const ratio = ({ contender }: Trial) => median(ratios.get(contender.name) ?? []) ?? all;
  return {
    cell: (trial) => expected(trial) * ratio(trial),
    pretraining: (trial) => expectedPretraining(trial) * ratio(trial),
  };
}

/** Of cells that are to be run, each pre-training that is not there yet once. */
export function secondsOf(cells: readonly Cell[], begun: readonly string[], estimate: Estimator): number {
  const pretrainings = new Map<string, number>();
  for (const { trial, seed } of cells) {
    const key = pretrainingKey(trial, seed);
    if (trial.sharesPretraining && !begun.includes(key)) pretrainings.set(key, estimate.pretraining(trial));
  }
  const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);
  return sum(cells.map(({ trial }) => estimate.cell(trial))) + sum(pretrainings.values());
}

function expected(trial: Trial): number {
  const { contender, labelCount, poolCount, training } = trial;
  const { labelled } = rateOf(contender.name);
  if (!contender.network) return FIXED_SECONDS + labelled * labelCount;
  const { epochs, minEpochSteps } = resolveConfig({ ...training });
  // One that uses the pool without pre-training on it goes through it in its supervised epochs.
  const rows = contender.pretrains ? labelCount : Math.max(labelCount, poolCount);
  const supervised = labelled * Math.max(rows, minEpochSteps * SMALL_BATCH) * epochs * SHARE_OF_EPOCHS;
  const own = contender.pretrains && !trial.sharesPretraining ? expectedPretraining(trial) : 0;
  return FIXED_SECONDS + supervised + own;
}

function expectedPretraining({ contender, labelCount, poolCount, training }: Trial): number {
  const { pretrainEpochs, minEpochSteps } = resolveConfig({ ...training });
  const images = Math.max(labelCount + poolCount, minEpochSteps * SMALL_BATCH);
  return rateOf(contender.name).pool * images * pretrainEpochs;
}

function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
