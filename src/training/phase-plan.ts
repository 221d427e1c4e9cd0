// How many images a step takes, how many steps an epoch has, and how many epochs a phase runs.
import { FlowglyphError } from "../../bindings/errors.ts";
import { concatenate } from "../concatenate.ts";
import type { Split } from "../dataset/types.ts";
import type { TrainingPhase } from "../models/model.ts";
import type { TrainingConfig } from "./config.ts";
import { evenly } from "./evenly.ts";

export interface PhasePlan {
  /** Rows of the batches' `images`. */
  readonly rows: Uint32Array;
  readonly batchSize: number;
  /** Rows and size of `unlabelledImages`, in a joint phase. */
  readonly unlabelled: { readonly rows: Uint32Array; readonly batchSize: number } | undefined;
  /**
   * A pass over `rows` but for what the configuration and the phase bound, in a joint phase too: its epochs are those of a
   * supervised phase, the unlabelled images beside them.
   */
  readonly stepsPerEpoch: number;
  readonly epochs: number;
}

// A pass over a small set is cut into this many steps where batches of MIN_BATCH allow it: a few hundred images in one
// batch would be one step of Adam a pass.
const STEPS_A_PASS = 8;
const MIN_BATCH = 32;

export function planPhase(phase: TrainingPhase, split: Split, config: TrainingConfig): PhasePlan {
  const rows = evenly(
    phase.data === "all" ? poolRows(split) : split.labelled,
    phase.maxImages ?? Number.POSITIVE_INFINITY,
  );
  if (rows.length === 0) {
    throw new FlowglyphError(
      "ERR_SPLIT",
      `Expected images for the phase ${phase.name} but the split has none`,
    );
  }
  const unlabelledRows = split.unlabelled.length > 0 ? split.unlabelled : split.labelled;
  const unlabelled =
    phase.data === "joint"
      ? { rows: unlabelledRows, batchSize: batchSize(unlabelledRows.length, config) }
      : undefined;
  const batch = batchSize(rows.length, config);
  return {
    rows,
    batchSize: batch,
    unlabelled,
    stepsPerEpoch: Math.min(
      phase.maxEpochSteps ?? Number.POSITIVE_INFINITY,
      Math.max(config.minEpochSteps * (phase.minEpochFactor ?? 1), Math.ceil(rows.length / batch)),
    ),
    epochs: phase.supervised ? config.epochs : config.pretrainEpochs,
  };
}

/**
 * What phases without labels see. Validation rows stay out of every phase, also as images without labels: they stand for
 * what comes later.
 */
export function poolRows(split: Split): Uint32Array {
  return concatenate(Uint32Array, [split.labelled, split.unlabelled]);
}

function batchSize(images: number, config: TrainingConfig): number {
  return Math.min(config.batchSize, images, Math.max(MIN_BATCH, Math.floor(images / STEPS_A_PASS)));
}
