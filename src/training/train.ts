// `train`: a dataset, its split and a config become a run folder with a checked ONNX model and its scores.
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import { Generator, resolveDevice, setThreads } from "../../bindings/torch/index.ts";
import { type Dataset, IMAGE_BYTES, type Split } from "../dataset/types.ts";
import { createModel, resolveModelOptions } from "../models/registry.ts";
import { TorchBackend } from "../nn/torch-backend.ts";
import { makeFolder } from "../output-path.ts";
import { writeAtomically, writeJson } from "./atomic-file.ts";
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { resolveConfig, type TrainingConfig } from "./config.ts";
import { finishRun } from "./finish-run.ts";
import { type EpochRecord, historyLines } from "./history.ts";
import { checkResume, runFingerprint } from "./resume.ts";
import { readRunConfig, runPath, writeRunSplit } from "./run-folder.ts";
import type { RunMetrics } from "./run-metrics.ts";
import { Trainer, type TrainingProgress } from "./trainer.ts";

export interface TrainOptions {
  /** Folder for model.onnx, config.json, history.jsonl, metrics.json, split.json and the checkpoint; made where missing. */
  readonly run: string;
  /** Continue from the folder's checkpoint; where it has none, start from the beginning. */
  readonly resume?: boolean;
  /** Start anew in a folder that already holds a run. */
  readonly overwrite?: boolean;
  /** Stops before the next step, after a checkpoint, with ERR_ABORTED. */
  readonly signal?: AbortSignal | undefined;
  /** At most ten times a second. */
  readonly onProgress?: (progress: TrainingProgress) => void;
  readonly onEpoch?: (record: EpochRecord) => void;
}

export interface TrainResult {
  readonly metrics: RunMetrics;
  /** With every default filled in. */
  readonly config: TrainingConfig;
  readonly history: readonly EpochRecord[];
  /** Of the split, and about phases that learned nothing; also in metrics.json. */
  readonly warnings: readonly string[];
  /** Path of model.onnx. */
  readonly model: string;
}

/**
 * Trains a model on the split's labelled and unlabelled rows, stops early on its validation rows, scores it on its test
 * rows with torch's probabilities, and exports it. With one seed, thread count and libtorch the weights are the same bit
 * by bit on the CPU, however often the run was stopped and resumed.
 *
 * Computes on the calling thread, a step at a time; between steps the event loop runs.
 *
 * @param config Any keys of TrainingConfig; on resuming, those given must be the run's.
 * @throws ERR_ARGUMENT, ERR_SPLIT, ERR_LABELS (what was given), ERR_TORCH_MISSING, ERR_DEVICE, ERR_ABORTED, ERR_DIVERGED,
 *   ERR_CHECKPOINT (damaged, or of another run), ERR_EXPORT_MISMATCH, ERR_IO
 */
export async function train(
  dataset: Dataset,
  split: Split,
  config: Partial<TrainingConfig>,
  options: TrainOptions,
): Promise<TrainResult> {
  const { run } = options;
  checkInput(dataset, split);
  resolveConfig({ ...config });
  const existing = await openRun(options);
  const base = await baseConfig(config, options);
  const resolved = { ...base, device: resolveDevice(base.device) };
  const fingerprint = runFingerprint(dataset, split, resolved);
  if (existing !== undefined && existing.fingerprint !== fingerprint) {
    throw new FlowglyphError(
      "ERR_CHECKPOINT",
      `Expected the config.json, dataset and split that ${run} was started with, but at least one option, image, label or row differs`,
    );
  }

  setThreads(resolved.threads);
  const { learningRate, seed } = resolved;
  const request = { classes: dataset.classes.length, seed, learningRate };
  const model = createModel(resolved.model, resolved.modelOptions, request);
  const random = new Generator(resolved.device, resolved.seed);
  const backend = new TorchBackend(random);
  backend.adopt(model.root);
  const shapes = new Map([...model.root.members()].map(([path, parameter]) => [path, parameter.shape]));
  const writeHistory = () => writeAtomically(runPath(run, "history"), [historyLines(trainer.history)]);
  const trainer = new Trainer({
    model,
    backend,
    random,
    dataset,
    split,
    config: resolved,
    fingerprint,
    signal: options.signal,
    save: (checkpoint) => saveCheckpoint(runPath(run, "checkpoint"), checkpoint, shapes),
    onEpoch: async (record) => {
      await writeHistory();
      options.onEpoch?.(record);
    },
    onProgress: (progress) => options.onProgress?.(progress),
  });
  try {
    if (existing === undefined) {
      for (const file of ["model", "metrics", "history"] as const)
        await rm(runPath(run, file), { force: true });
      await writeJson(runPath(run, "config"), resolved);
      await writeRunSplit(run, split, dataset);
    }
    await trainer.run(existing);
    await writeHistory(); // a resumed run may have begun with a line too many
    const { history, images } = trainer;
    const metrics = await finishRun({
      model,
      backend,
      images,
      dataset,
      split,
      config: resolved,
      history,
      run,
    });
    return { metrics, config: resolved, history, warnings: metrics.warnings, model: runPath(run, "model") };
  } finally {
    trainer.dispose();
    backend.release(model.root);
  }
}

/** The folder, ready to be written to; its checkpoint where there is one to resume from. */
async function openRun({ run, resume, overwrite }: TrainOptions): Promise<Checkpoint | undefined> {
  await makeFolder(run);
  if (overwrite === true && resume !== true) return undefined;
  const checkpoint = await loadCheckpoint(runPath(run, "checkpoint"));
  if (checkpoint !== undefined && resume !== true) {
    throw invalidArgument("run", "a folder without a run, or resume or overwrite to be set", run);
  }
  return checkpoint;
}

/** What is given, or what the run to resume was started with. */
async function baseConfig(
  config: Partial<TrainingConfig>,
  { run, resume }: TrainOptions,
): Promise<TrainingConfig> {
  const saved = resume === true && existsSync(runPath(run, "config")) ? await readRunConfig(run) : undefined;
  const given = resolveConfig({ ...saved, ...defined(config) });
  const modelOptions = resolveModelOptions(given.model, given.modelOptions) as TrainingConfig["modelOptions"];
  if (saved === undefined) return { ...given, modelOptions };
  return checkResume(saved, config.modelOptions === undefined ? config : { ...config, modelOptions });
}

/** Without the keys that are there and undefined. */
function defined(config: Partial<TrainingConfig>): Partial<TrainingConfig> {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}

function checkInput({ count, images, labels, classes }: Dataset, split: Split): void {
  if (images.length !== count * IMAGE_BYTES || labels.length !== count) {
    throw invalidArgument(
      "dataset",
      `${count} images and labels`,
      `${images.length} bytes, ${labels.length} labels`,
    );
  }
  if (classes.length < 2) {
    throw new FlowglyphError(
      "ERR_LABELS",
      `Expected at least 2 classes to tell apart but the dataset has ${classes.length}`,
    );
  }
  if (split.labelled.length === 0) {
    throw new FlowglyphError("ERR_SPLIT", "Expected labelled images to train on but the split has none");
  }
  for (const part of ["labelled", "validation", "unlabelled", "test"] as const) {
    const wrong = split[part].find(
      (row) =>
        row >= count || (part !== "unlabelled" && !(labels[row]! >= 0 && labels[row]! < classes.length)),
    );
    if (wrong !== undefined) {
      const what = part === "unlabelled" ? "rows" : "labelled rows";
      throw new FlowglyphError(
        "ERR_SPLIT",
        `Expected split.${part} to hold ${what} of the dataset's ${count} but received row ${wrong}`,
      );
    }
  }
}
