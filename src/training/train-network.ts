// A network's run: made, trained by gradient phase after phase, scored and exported. Needs libtorch.
import { Generator, setThreads } from "../../bindings/torch/index.ts";
import { gatherLabels } from "../dataset/dataset.ts";
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

export async function trainNetwork(
  request: RunRequest,
): Promise<{ metrics: RunMetrics; history: readonly EpochRecord[] }> {
  const { dataset, config, fingerprint, options, resume, begin } = request;
  let { split } = request;
  const { run } = options;
  const existing = resume ? await loadCheckpoint(runPath(run, "checkpoint")) : undefined;
  if (existing !== undefined) checkFingerprint(existing.fingerprint, fingerprint, run);

  setThreads(config.threads);
  const { learningRate, seed, recipe, precision } = config;
  const classes = dataset.classes.length;
  const model = createModel(config.model, config.modelOptions, { classes, seed, learningRate, recipe });
  const random = new Generator(config.device, seed);
  const backend = new TorchBackend(random, { precision });
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
    const scores = (rows: Uint32Array) => predictLogits(model, backend, images, rows);
    const metrics = await finishRun({
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
      run,
      keepLast: model.phases.filter((phase) => keptWeights(phase) === "last").map(({ name }) => name),
    });
    return { metrics, history };
  } finally {
    trainer.dispose();
    backend.release(model.root);
  }
}
