// metrics.json, and the same facts as the exported model's training summary.

import { gatherLabels } from "../dataset/dataset.ts";
import type { Dataset, Split } from "../dataset/types.ts";
import type { CalibrationOutcome } from "../evaluation/calibration.ts";
import { type Evaluation, evaluateProbabilities } from "../evaluation/evaluate.ts";
import type { MeasuredLevel } from "../evaluation/risk-coverage.ts";
import type { Agreement, DistilledSummary, ModelMetadata } from "../onnx/metadata.ts";
import { toolVersion } from "../version.ts";
import type { TrainingConfig } from "./config.ts";
import type { EpochRecord } from "./history.ts";

export interface PhaseSummary {
  readonly phase: string;
  readonly epochs: number;
  readonly seconds: number;
  /** Of the epoch whose weights were kept; where the phase does not validate, of its last. */
  readonly epoch: number;
  readonly losses: Readonly<Record<string, number>>;
  readonly accuracies: Readonly<Record<string, number>>;
}

/** What distilling chose from: a form of the student, and what it gives. */
export interface StudentForm {
  readonly arithmetic: "float32" | "int8";
  /** Sessions a second, one thread. */
  readonly perSecond: number;
  readonly bytes: number;
  /** Share of the teacher's verdicts that it gives, of at most 2048 sessions that it learned from. */
  readonly learned: number;
  readonly validation: Agreement;
  readonly test: Agreement;
}

export interface DistilledOutcome {
  readonly summary: DistilledSummary;
  /** The floating-point student first; the one that was kept is `summary.arithmetic`. */
  readonly forms: readonly StudentForm[];
}

/** metrics.json. */
export interface RunMetrics {
  /** On the test part, from the model's own probabilities (model.onnx gives the same to 1e-5); null without a test part. */
  readonly accuracy: number | null;
  readonly macroF1: number | null;
  readonly model: string;
  readonly view: string;
  readonly mask: string;
  readonly order: string;
  readonly split: Split["kind"];
  readonly labels: string;
  readonly labelled: number;
  readonly validation: number;
  readonly unlabelled: number;
  readonly test: number;
  readonly seed: number;
  readonly phases: readonly PhaseSummary[];
  /** Largest difference of a probability between the model itself (a network's: torch) and model.onnx when it was saved. */
  readonly onnxDifference: number;
  readonly warnings: readonly string[];
  /** How the probabilities were calibrated, and what that did on the test part. */
  readonly calibration: CalibrationOutcome;
  /** What asking for an error does on the test part; empty where nothing can be promised or there is no test part. */
  readonly unknown: readonly MeasuredLevel[];
  /** Of a student alone. */
  readonly distilled?: DistilledOutcome;
  /** Everything else about the test part: per class, confusion, averages. */
  readonly evaluation: Evaluation | null;
}

/** `probabilities` float32 [split.test.length, K]. */
export function evaluateTest(dataset: Dataset, split: Split, probabilities: Float32Array): Evaluation | null {
  if (split.test.length === 0) return null;
  return evaluateProbabilities(gatherLabels(dataset, split.test), probabilities, dataset.classes);
}

/** @param keepLast Phases that leave the weights of their last epoch, validated or not. */
export function summarizePhases(
  history: readonly EpochRecord[],
  keepLast: readonly string[] = [],
): PhaseSummary[] {
  const names = [...new Set(history.map((record) => record.phase))];
  return names.map((phase) => {
    const records = history.filter((record) => record.phase === phase);
    const last = keepLast.includes(phase);
    const kept = records.reduce((best, record) => (last || isKept(record, best) ? record : best));
    const { epoch, losses, accuracies } = kept;
    const seconds = records.reduce((sum, record) => sum + record.seconds, 0);
    return { phase, epochs: records.length, seconds, epoch, losses, accuracies };
  });
}

// The order of early-stop.ts; without validation the last epoch is the one that is kept.
function isKept(record: EpochRecord, best: EpochRecord): boolean {
  const [accuracy, bestAccuracy] = [record.accuracies.validation, best.accuracies.validation];
  if (accuracy === undefined || bestAccuracy === undefined) return true;
  if (accuracy !== bestAccuracy) return accuracy > bestAccuracy;
  return record.losses.validation! < best.losses.validation!;
}

export function modelMetadata(
  dataset: Dataset,
  split: Split,
  config: TrainingConfig,
  evaluation: Evaluation | null,
): ModelMetadata {
  const { view, mask, order, decap, protocols, idleTimeout, activeTimeout, closeTimeout } = dataset.manifest;
  return {
    formatVersion: 1,
    toolVersion: toolVersion(),
    model: config.model,
    modelOptions: config.modelOptions,
    classes: dataset.classes,
    view,
    mask,
    order,
    decap,
    protocols,
    idleTimeout: idleTimeout ?? null,
    activeTimeout: activeTimeout ?? null,
    closeTimeout: closeTimeout ?? null,
    training: {
      ...splitCounts(split, config),
      scores: evaluation === null ? {} : { accuracy: evaluation.accuracy, macroF1: evaluation.macroF1 },
    },
  };
}

export function splitCounts(split: Split, config: TrainingConfig) {
  return {
    split: split.kind,
    labels: String(config.labels),
    labelled: split.labelled.length,
    validation: split.validation.length,
    unlabelled: split.unlabelled.length,
    test: split.test.length,
    seed: config.seed,
  };
}
