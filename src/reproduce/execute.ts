// One cell: a split, a training, and what is kept of it.
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { FlowglyphError } from "../../bindings/errors.ts";
import { makeSplit } from "../dataset/split.ts";
import {
  datasetDigest,
  resolveConfig,
  runPath,
  splitOptions,
  type TrainingConfig,
  type TrainingProgress,
  train,
} from "../training/index.ts";
import type { Cell } from "./cells.ts";
import type { LoadedSet } from "./image-sets.ts";
import type { Machine } from "./machine.ts";
import { type CellResult, cellScores, phaseCurves } from "./result.ts";
import { runFolder } from "./store.ts";

export interface ExecuteOptions {
  readonly out: string;
  readonly machine: Machine;
  readonly device: TrainingConfig["device"];
  readonly threads: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (progress: TrainingProgress) => void;
}

/**
 * Trains a cell, from its run's checkpoint where it was interrupted. The run folder stays until the result is saved: see
 * `forgetRun`.
 * @throws what `train` throws
 */
export async function executeCell(
  { key, trial, seed }: Cell,
  { dataset }: LoadedSet,
  options: ExecuteOptions,
): Promise<CellResult> {
  const { labels, unlabelled, contender, training } = trial;
  const given: Partial<TrainingConfig> = {
    ...training,
    model: contender.model,
    labels,
    unlabeled: unlabelled,
    seed,
    device: options.device,
  };
  const split = makeSplit(dataset, splitOptions(resolveConfig({ ...given })));
  const run = runFolder(options.out, key);
  const start = performance.now();
  const { metrics, config, history, warnings } = await trainOrContinue(run, (resume) =>
    train(
      dataset,
      split,
      // A checkpoint is continued with its own number of threads: sums are rounded in their order.
      resume || options.threads === undefined ? given : { ...given, threads: options.threads },
      {
        run,
        ...(resume ? { resume } : { overwrite: true }),
        signal: options.signal,
        onProgress: options.onProgress,
      },
    ),
  );
  const here = (performance.now() - start) / 1000;
  if (metrics.evaluation === null) {
    throw new FlowglyphError(
      "ERR_SPLIT",
      `Expected a test part in ${trial.set} but it has no labelled image`,
    );
  }
  const { evaluation, phases, view, mask, labelled, validation, test } = metrics;
  return {
    formatVersion: 1,
    key,
    datasetSha256: datasetDigest(dataset),
    set: trial.set,
    contender: contender.name,
    seed,
    view,
    mask,
    split: metrics.split,
    labelled,
    validation,
    unlabelled: metrics.unlabelled,
    test,
    leaked: split.leakedTestImages ?? null,
    config,
    scores: cellScores(evaluation),
    classes: evaluation.classes,
    confusion: evaluation.confusion,
    curves: phaseCurves(history, phases),
    warnings,
    // Epochs before an interruption are in the history, not in this process's clock.
    seconds: Math.max(
      here,
      phases.reduce((sum, { seconds }) => sum + seconds, 0),
    ),
    machine: options.machine,
    finished: new Date().toISOString(),
  };
}

async function trainOrContinue<T>(run: string, start: (resume: boolean) => Promise<T>): Promise<T> {
  if (!existsSync(runPath(run, "checkpoint"))) return start(false);
  try {
    return await start(true);
  } catch (error) {
    // Of other images or another version's options, or damaged by what ended the process: nothing to go on with.
    const useless =
      error instanceof FlowglyphError && (error.code === "ERR_CHECKPOINT" || error.code === "ERR_ARGUMENT");
    if (!useless) throw error;
    return start(false);
  }
}

/** The checkpoint, the model and the rest of a run whose result is saved: gigabytes, over a whole grid. */
export async function forgetRun(out: string, key: string): Promise<void> {
  await rm(runFolder(out, key), { recursive: true, force: true });
}
