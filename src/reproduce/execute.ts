// One cell: a split, a training, and what is kept of it.
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { FlowglyphError } from "../../bindings/errors.ts";
import { dropLeakedTestRows, makeSplit } from "../dataset/split.ts";
import type { Dataset, Split } from "../dataset/types.ts";
import { evaluateModel } from "../evaluation/evaluate-model.ts";
import { Classifier } from "../inference/classifier.ts";
import {
  datasetDigest,
  resolveConfig,
  runPath,
  splitOptions,
  type TrainingConfig,
  type TrainingProgress,
  train,
} from "../training/index.ts";
import { type Cell, pretrainingKey } from "./cells.ts";
import type { LoadedSet } from "./image-sets.ts";
import type { Machine } from "./machine.ts";
import { type CellResult, cellScores, type PretrainingResult, phaseCurves } from "./result.ts";
import { pretrainingFolder, readPretraining, runFolder, savePretraining } from "./store.ts";

export interface ExecuteOptions {
  readonly out: string;
  readonly machine: Machine;
  readonly device: TrainingConfig["device"];
  readonly threads: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (progress: TrainingProgress) => void;
}

/**
 * Trains a cell, from its run's checkpoint where it was interrupted; before it, once for all that share it, its pre-training.
 * The run folder stays until the result is saved: see `forgetRun`.
 * @throws what `train` throws
 */
export async function executeCell(cell: Cell, set: LoadedSet, options: ExecuteOptions): Promise<CellResult> {
  const { key, trial, seed } = cell;
  const { labels, unlabelled, contender, training } = trial;
  const shared = trial.sharesPretraining ? await sharedPretraining(cell, set, options) : undefined;
  const config: Partial<TrainingConfig> = {
    ...training,
    model: contender.model,
    labels,
    unlabeled: unlabelled,
    seed,
    ...(shared !== undefined && { pretrained: pretrainingFolder(options.out, shared.key) }),
  };
  const run = runFolder(options.out, key);
  const { metrics, split, resolved, history, warnings, seconds } = await runTraining(
    run,
    set,
    config,
    options,
  );
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
    datasetSha256: datasetDigest(set.dataset),
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
    withoutLeaked: split.leakedTestImages ? await scoreWithoutLeaked(run, set.dataset, split, options) : null,
    // The folder is this machine's, and gone when the grid is done.
    config: { ...resolved, pretrained: shared?.key ?? "" },
    scores: cellScores(evaluation),
    classes: evaluation.classes,
    confusion: evaluation.confusion,
    curves: [...(shared?.curves ?? []), ...phaseCurves(history, phases)],
    warnings,
    seconds,
    sharedSeconds: shared?.seconds ?? 0,
    machine: options.machine,
    finished: new Date().toISOString(),
  };
}

/** What is left of a score where no test image can be known by heart. The model file is asked: it is the run's to the digit. */
async function scoreWithoutLeaked(
  run: string,
  dataset: Dataset,
  split: Split,
  { threads, signal }: ExecuteOptions,
): Promise<CellResult["withoutLeaked"]> {
  const rows = dropLeakedTestRows(dataset, split).test;
  if (rows.length === 0) return null;
  await using classifier = await Classifier.load(runPath(run, "model"), { workers: threads, batch: 256 });
  const { evaluation } = await evaluateModel(classifier, dataset, rows, { signal });
  return { accuracy: evaluation.accuracy, macroF1: evaluation.macroF1 };
}

/**
 * The weights that the phases without labels come to on the whole training part, the labelled rows of every cell among them
 * (and the validation rows, as images): trained where the folder does not hold them yet.
 */
async function sharedPretraining(
  { trial, seed }: Cell,
  set: LoadedSet,
  options: ExecuteOptions,
): Promise<PretrainingResult> {
  const key = pretrainingKey(trial, seed);
  const folder = pretrainingFolder(options.out, key);
  const sha256 = datasetDigest(set.dataset);
  const saved = await readPretraining(folder);
  if (saved?.datasetSha256 === sha256) return saved;
  const config: Partial<TrainingConfig> = {
    ...trial.training,
    model: trial.contender.model,
    // Without validation rows the labelled and the rest are the whole training part. One supervised epoch ends the run.
    labels: "1/class",
    validationShare: 0,
    unlabeled: "all",
    epochs: 1,
    seed,
  };
  const { history, metrics, seconds } = await runTraining(folder, set, config, options);
  const result: PretrainingResult = {
    formatVersion: 1,
    key,
    datasetSha256: sha256,
    curves: phaseCurves(history, metrics.phases).slice(0, -1),
    seconds,
    machine: options.machine,
  };
  await savePretraining(folder, result);
  return result;
}

async function runTraining(
  run: string,
  { dataset }: LoadedSet,
  config: Partial<TrainingConfig>,
  options: ExecuteOptions,
) {
  const given = { ...config, device: options.device };
  const split = makeSplit(dataset, splitOptions(resolveConfig({ ...given })));
  const start = performance.now();
  const { config: resolved, ...result } = await trainOrContinue(run, (resume) =>
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
  // Epochs before an interruption are in the history, not in this process's clock.
  const trained = result.metrics.phases.reduce((sum, phase) => sum + phase.seconds, 0);
  return { ...result, resolved, split, seconds: Math.max(here, trained) };
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
