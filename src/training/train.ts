// `train`: a dataset, its split and a config become a run folder with a checked ONNX model and its scores. What is common to
// networks (train-network.ts) and fitted models (fit-run.ts): checks, the config, the folder.
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import { type DeviceName, resolveDevice } from "../../bindings/torch/index.ts";
import { type Dataset, IMAGE_BYTES, type Split } from "../dataset/types.ts";
import { findModel, resolveModelOptions } from "../models/registry.ts";
import { makeFolder } from "../output-path.ts";
import { writeJson } from "./atomic-file.ts";
import { resolveConfig, type TrainingConfig } from "./config.ts";
import { fitRun } from "./fit-run.ts";
import type { EpochRecord } from "./history.ts";
import { checkResume, runFingerprint } from "./resume.ts";
import { readRunConfig, runPath, writeRunSplit } from "./run-folder.ts";
import type { RunMetrics } from "./run-metrics.ts";
import { trainNetwork } from "./train-network.ts";
import type { TrainingProgress } from "./trainer.ts";

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

/** What both kinds of model get: all is checked, and the folder is there. */
export interface RunRequest {
  readonly dataset: Dataset;
  readonly split: Split;
  /** With every default filled in, and the device by its name. */
  readonly config: TrainingConfig & { readonly device: DeviceName };
  /** Of what the run is started with: a checkpoint with another one belongs to another run. */
  readonly fingerprint: string;
  readonly options: TrainOptions;
  /** Whether the folder holds a checkpoint to go on from. */
  readonly resume: boolean;
  /**
   * For a run that begins: empties the folder of an older run's results, writes config.json and split.json.
   * @param split With warnings that only the run itself could find; the given one where it found none.
   */
  begin(split?: Split): Promise<void>;
}

/**
 * Trains a model on the split's labelled and unlabelled rows, stops early on its validation rows, scores it on its test
 * rows with its own probabilities, and exports it. With one seed, thread count and libtorch the weights are the same bit
 * by bit on the CPU, however often the run was stopped and resumed.
 *
 * A network computes on the calling thread, a step at a time; between steps the event loop runs. A fitted model (trees,
 * nearest, majority) learns from the whole label budget, validation rows included, needs no libtorch, and leaves the keys
 * of TrainingConfig alone that speak of epochs and steps.
 *
 * @param config Any keys of TrainingConfig; on resuming, those given must be the run's.
 * @throws ERR_ARGUMENT, ERR_SPLIT, ERR_LABELS (what was given), ERR_TORCH_MISSING, ERR_DEVICE, ERR_ABORTED, ERR_DIVERGED,
 *   ERR_CHECKPOINT (damaged, or of another run), ERR_EXPORT_MISMATCH, ERR_IO
 */
export async function train(
  dataset: Dataset,
  split: Split,
  given: Partial<TrainingConfig>,
  options: TrainOptions,
): Promise<TrainResult> {
  const { run } = options;
  checkInput(dataset, split);
  resolveConfig({ ...given });
  await makeFolder(run);
  const resume = holdsRun(options);
  const base = await baseConfig(given, options);
  const row = findModel(base.model);
  if ("fit" in row && base.pretrained !== "") {
    throw invalidArgument("pretrained", `nothing for ${base.model}, which has no weights`, base.pretrained);
  }
  const device: DeviceName = "fit" in row ? "cpu" : resolveDevice(base.device);
  const config = { ...base, device };
  const request: RunRequest = {
    dataset,
    split,
    config,
    fingerprint: runFingerprint(dataset, split, config),
    options,
    resume,
    async begin(found = split) {
      for (const file of ["model", "metrics", "history", "pretrained"] as const)
        await rm(runPath(run, file), { force: true });
      await writeJson(runPath(run, "config"), config);
      await writeRunSplit(run, found, dataset);
    },
  };
  const { metrics, history } = "fit" in row ? await fitRun(row, request) : await trainNetwork(request);
  const warnings = [...metrics.warnings, ...unusedDevice(base, device)];
  return { metrics, config, history, warnings, model: runPath(run, "model") };
}

/** A fitted model computes on the CPU: whoever asked for CUDA is told. */
function unusedDevice({ model, device }: TrainingConfig, used: DeviceName): string[] {
  if (!device.startsWith("cuda") || used !== "cpu") return [];
  return [
    `${model} is fitted on the CPU, so that device ${device} was not used; networks use it (flowglyph models)`,
  ];
}

/** Whether there is a checkpoint to go on from. @throws ERR_ARGUMENT where there is one and nobody said what to do with it */
function holdsRun({ run, resume, overwrite }: TrainOptions): boolean {
  if (!existsSync(runPath(run, "checkpoint"))) return false;
  if (resume !== true && overwrite !== true) {
    throw invalidArgument("run", "a folder without a run, or resume or overwrite to be set", run);
  }
  return resume === true;
}

/** What is given, or what the run to resume was started with. */
async function baseConfig(
  config: Partial<TrainingConfig>,
  { run, resume }: TrainOptions,
): Promise<TrainingConfig> {
  const saved = resume === true && existsSync(runPath(run, "config")) ? await readRunConfig(run) : undefined;
  // Before the options, which are the model's.
  if (saved !== undefined) checkResume(saved, { model: config.model ?? saved.model });
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
