// A network's run: made, trained by gradient phase after phase, scored and exported. Needs libtorch. What is common to all
// that the trainer trains is `trainPhases`; distilling (distill.ts) has its own beginning and end.
import { Generator, setThreads } from "../../bindings/torch/index.ts";
import { gatherLabels } from "../dataset/dataset.ts";
import type { TrainableModel } from "../models/model.ts";
import { createModel } from "../models/registry.ts";
import { TorchBackend } from "../nn/torch-backend.ts";
import { traceModel } from "../onnx/trace.ts";
import { writeAtomically } from "./atomic-file.ts";
import { calibrateNetwork } from "./calibrate.ts";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { finishRun } from "./finish-run.ts";
import { type EpochRecord, historyLines } from "./history.ts";
import { keptWeights } from "./phase-optimizers.ts";
import { predictLogits } from "./predict.ts";
import { savePretrained, startFromPretrained } from "./pretrained.ts";
import { checkFingerprint } from "./resume.ts";
import { readRunSplit, runPath } from "./run-folder.ts";
import type { RunMetrics } from "./run-metrics.ts";
import type { RunRequest } from "./train.ts";
import { Trainer } from "./trainer.ts";

export interface TrainedNetwork {
  readonly metrics: RunMetrics;
  readonly history: readonly EpochRecord[];
}

/** What is there when the last phase is through. */
export interface Trained {
  readonly backend: TorchBackend;
  readonly split: RunRequest["split"];
  readonly history: readonly EpochRecord[];
  /** Rows of the dataset -> logits float32 [rows.length, K]. */
  scores(rows: Uint32Array): Promise<Float32Array>;
  /** Names of the phases that leave the weights of their last epoch, not of the best validated one. */
  readonly keepLast: readonly string[];
}

export async function trainNetwork(request: RunRequest): Promise<TrainedNetwork> {
  const { dataset, config } = request;
  const { learningRate, seed, recipe } = config;
  const classes = dataset.classes.length;
  const model = createModel(config.model, config.modelOptions, { classes, seed, learningRate, recipe });
  return trainPhases(request, model, async ({ scores, split, history, keepLast }) =>
    finishRun({
      scores,
      calibrated: calibrateNetwork({
        scores: await scores(split.validation),
        labels: gatherLabels(dataset, split.validation),
        classes,
      }),
      encode: (metadata) => traceModel(model, metadata),
      dataset,
      split,
      config,
      history,
      run: request.options.run,
      keepLast,
    }),
  );
}

/** Trains `model`, phase after phase, from the start or from the run's checkpoint, and then calls `finish`. */
export async function trainPhases(
  request: RunRequest,
  model: TrainableModel,
  finish: (trained: Trained) => Promise<RunMetrics>,
): Promise<TrainedNetwork> {
  const { dataset, config, fingerprint, options, resume, begin } = request;
  let { split } = request;
  const { run } = options;
  const existing = resume ? await loadCheckpoint(runPath(run, "checkpoint")) : undefined;
  if (existing !== undefined) checkFingerprint(existing.fingerprint, fingerprint, run);

  setThreads(config.threads);
  const random = new Generator(config.device, config.seed);
  const backend = new TorchBackend(random, { precision: config.precision });
  backend.adopt(model.root);
  const shapes = new Map([...model.root.members()].map(([path, parameter]) => [path, parameter.shape]));
  const writeHistory = () => writeAtomically(runPath(run, "history"), [historyLines(trainer.history)]);
  const trainer = new Trainer({
    model,
    backend,
    random,
    dataset,
    split,
    config,
    fingerprint,
    signal: options.signal,
    save: (checkpoint) => saveCheckpoint(runPath(run, "checkpoint"), checkpoint, shapes),
    onEpoch: async (record) => {
      await writeHistory();
      options.onEpoch?.(record);
    },
    onProgress: (progress) => options.onProgress?.(progress),
    pretrained: config.pretrained !== "",
    onPretrained: () => savePretrained(run, { model, dataset, split, config }),
  });
  try {
    if (existing === undefined) {
      if (config.pretrained !== "") split = await startFromPretrained({ model, dataset, split, config });
      await begin(split);
    } else if (config.pretrained !== "") {
      split = { ...split, warnings: (await readRunSplit(run, dataset)).warnings ?? [] };
    }
    await trainer.run(existing);
    await writeHistory(); // a resumed run may have begun with a line too many
    const { history, images } = trainer;
    const metrics = await finish({
      backend,
      split,
      history,
      scores: (rows) => predictLogits(model, backend, images, rows),
      keepLast: model.phases.filter((phase) => keptWeights(phase) === "last").map(({ name }) => name),
    });
    return { metrics, history };
  } finally {
    trainer.dispose();
    backend.release(model.root);
  }
}
