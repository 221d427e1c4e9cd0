// The third phase: the trained model's probabilities on the test part, its ONNX file, and metrics.json.
import { gatherImages, gatherLabels } from "../dataset/dataset.ts";
import type { Dataset, Split } from "../dataset/types.ts";
import { calibrationOutcome } from "../evaluation/calibration.ts";
import { calibratedProbabilities } from "../evaluation/calibrator.ts";
import { measureLevels } from "../evaluation/risk-coverage.ts";
import { exportModelFile } from "../onnx/export.ts";
import type { ModelMetadata } from "../onnx/metadata.ts";
import { writeJson } from "./atomic-file.ts";
import type { Calibrated } from "./calibrate.ts";
import type { TrainingConfig } from "./config.ts";
import { diagnosePhase } from "./diagnosis.ts";
import { evenly } from "./evenly.ts";
import type { EpochRecord } from "./history.ts";
import { runPath } from "./run-folder.ts";
import {
  type DistilledOutcome,
  evaluateTest,
  modelMetadata,
  type RunMetrics,
  splitCounts,
  summarizePhases,
} from "./run-metrics.ts";

export interface FinishedTraining {
  /** Rows of the dataset -> float32 [rows.length, K], whose softmax the model gives: logits, or logarithms of shares. */
  scores(rows: Uint32Array): Promise<Float32Array>;
  readonly calibrated: Calibrated;
  /** The bytes of its ONNX file, calibrated as the metadata says. */
  encode(metadata: ModelMetadata): Uint8Array;
  readonly dataset: Dataset;
  readonly split: Split;
  readonly config: TrainingConfig;
  readonly history: readonly EpochRecord[];
  readonly run: string;
  /** Names of the phases that leave the weights of their last epoch, not of the best validated one. */
  readonly keepLast?: readonly string[];
  /** Of a student. */
  readonly distilled?: DistilledOutcome;
}

// 256 = 4 x 64 = 85 x 3 + 1: batches of 3 end with one that is short.
const CHECK_IMAGES = 256;

/**
 * Scores come from the model's own probabilities; the export is refused unless model.onnx gives the same to 1e-5, so they are the
 * scores of the file too. metrics.json is written last: a run folder that has one is whole.
 */
export async function finishRun(finished: FinishedTraining): Promise<RunMetrics> {
  const { dataset, split, config, history, run } = finished;
  const { calibration, unknown } = finished.calibrated;
  const classes = dataset.classes.length;
  const probabilities = async (rows: Uint32Array) =>
    calibratedProbabilities(await finished.scores(rows), classes, calibration);
  const tested = await probabilities(split.test);
  const evaluation = evaluateTest(dataset, split, tested);
  const checkRows = evenly(split.test.length > 0 ? split.test : split.labelled, CHECK_IMAGES);
  const metadata = {
    ...modelMetadata(dataset, split, config, evaluation),
    ...finished.calibrated,
    ...(finished.distilled && { distilled: finished.distilled.summary }),
  };
  const encode = () => finished.encode(metadata);
  const { largestDifference } = await exportModelFile(encode, classes, runPath(run, "model"), {
    images: gatherImages(dataset, checkRows),
    probabilities: await probabilities(checkRows),
  });
  const phases = summarizePhases(history, finished.keepLast);
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
    calibration: calibrationOutcome(tested, gatherLabels(dataset, split.test), classes, calibration),
    unknown:
      unknown === undefined || evaluation === null
        ? []
        : measureLevels(unknown.levels, tested, gatherLabels(dataset, split.test), classes),
    ...(finished.distilled && { distilled: finished.distilled }),
    evaluation,
  };
  await writeJson(runPath(run, "metrics"), metrics);
  return metrics;
}
