// The third phase: the trained model's probabilities on the test part, its ONNX file, and metrics.json.
import type { Tensor } from "../../bindings/torch/index.ts";
import { gatherImages } from "../dataset/dataset.ts";
import type { Dataset, Split } from "../dataset/types.ts";
import type { TrainableModel } from "../models/model.ts";
import type { TorchBackend } from "../nn/torch-backend.ts";
import { exportOnnx } from "../onnx/export.ts";
import { writeJson } from "./atomic-file.ts";
import type { TrainingConfig } from "./config.ts";
import { diagnosePhase } from "./diagnosis.ts";
import type { EpochRecord } from "./history.ts";
import { predictProbabilities } from "./predict.ts";
import { runPath } from "./run-folder.ts";
import { evaluateTest, modelMetadata, type RunMetrics, splitCounts, summarizePhases } from "./run-metrics.ts";

export interface FinishedTraining {
  readonly model: TrainableModel;
  readonly backend: TorchBackend;
  /** uint8 (N, 28, 28): the dataset's images. */
  readonly images: Tensor;
  readonly dataset: Dataset;
  readonly split: Split;
  readonly config: TrainingConfig;
  readonly history: readonly EpochRecord[];
  readonly run: string;
}

// 256 = 4 x 64 = 85 x 3 + 1: batches of 3 end with one that is short.
const CHECK_IMAGES = 256;

/**
 * Scores come from torch's probabilities; the export is refused unless model.onnx gives the same to 1e-5, so they are the
 * scores of the file too. metrics.json is written last: a run folder that has one is whole.
 */
export async function finishRun(finished: FinishedTraining): Promise<RunMetrics> {
  const { model, backend, images, dataset, split, config, history, run } = finished;
  const predict = (rows: Uint32Array) => predictProbabilities(model, backend, images, rows);
  const evaluation = evaluateTest(dataset, split, await predict(split.test));
  const checkRows = evenly(split.test.length > 0 ? split.test : split.labelled, CHECK_IMAGES);
  const metadata = modelMetadata(dataset, split, config, evaluation);
  const { largestDifference } = await exportOnnx(model, metadata, runPath(run, "model"), {
    images: gatherImages(dataset, checkRows),
    probabilities: await predict(checkRows),
  });
  const phases = summarizePhases(history);
  const metrics: RunMetrics = {
    accuracy: evaluation?.accuracy ?? null,
    macroF1: evaluation?.macroF1 ?? null,
    model: config.model,
    view: dataset.manifest.view,
    mask: dataset.manifest.mask,
    order: dataset.manifest.order,
    ...splitCounts(split, config),
    phases,
    onnxDifference: largestDifference,
    warnings: [
      ...(split.warnings ?? []),
      ...phases.flatMap(({ phase }) => diagnosePhase(history.filter((record) => record.phase === phase))),
    ],
    evaluation,
  };
  await writeJson(runPath(run, "metrics"), metrics);
  return metrics;
}

/** At most `count` rows, spread over the whole list. */
function evenly(rows: Uint32Array, count: number): Uint32Array {
  if (rows.length <= count) return rows;
  return Uint32Array.from({ length: count }, (_, i) => rows[Math.floor((i * rows.length) / count)]!);
}
