// Which images a model's probabilities are calibrated on. Networks: the validation rows, which are few and also chose the
// epoch, so the temperature starts from what networks usually need. Fitted models keep no row back: each labelled row is
// asked of a model that was fitted without it.
import { gatherImages, gatherLabels, imageSource } from "../dataset/dataset.ts";
import {
  type CalibratorOptions,
  calibratedProbabilities,
  fitCalibrator,
  type TemperaturePrior,
  UNCALIBRATED,
} from "../evaluation/calibrator.ts";
import { riskLevels } from "../evaluation/risk-coverage.ts";
import { crossFit } from "../models/cross-fit.ts";
import type { FittedModel, FittedRow, HeldOut } from "../models/fitted.ts";
import type { CalibrationSummary, ModelMetadata } from "../onnx/metadata.ts";
import type { RunRequest } from "./train.ts";

// From bench/results/calibration.md. Validation rows chose the epoch, so that they ask for less than test rows do.
const NETWORK_PRIOR: TemperaturePrior = { mean: Math.log(1.6), deviation: 0.25 };
// Trees that vote are right more often than they agree; of 1000 rows the prior is not felt.
const FITTED_PRIOR: TemperaturePrior = { mean: Math.log(0.65), deviation: 0.3 };

// A pool whose shares add up to 1 is nearly as sure as it is right.
const POOL_PRIOR: TemperaturePrior = { mean: Math.log(0.9), deviation: 0.3 };

/** What a model's file says of its probabilities. */
export type Calibrated = { readonly calibration: CalibrationSummary } & Pick<ModelMetadata, "unknown">;

const LEFT_ALONE: Calibrated = { calibration: { ...UNCALIBRATED, rows: 0, source: "none" } };

export function calibrateNetwork(held: HeldOut): Calibrated {
  const source = held.labels.length > 0 ? "validation" : "none";
  return calibrate(held, { prior: NETWORK_PRIOR, chance: false }, source);
}

export async function calibrateFitted(
  row: FittedRow,
  { dataset, split, config, options }: RunRequest,
  fitted: FittedModel,
): Promise<Calibrated> {
  if (row.calibrated === true) return LEFT_ALONE;
  if (fitted.heldOut !== undefined)
    return calibrate(fitted.heldOut, { prior: POOL_PRIOR, chance: false }, "cross-fit");
  const rows = Uint32Array.from([...split.labelled, ...split.validation]).sort();
  const classes = dataset.classes.length;
  const request = {
    unlabelled: imageSource(dataset, split.unlabelled),
    saved: fitted.unlabelledState?.(),
    classes,
    seed: config.seed,
    options: config.modelOptions,
    threads: config.threads,
    signal: options.signal,
    onProgress: () => undefined,
    checkpoint: async () => undefined,
  };
  const { labels, answers } = await crossFit(
    async (images, labels) => {
      const model = await row.fit({ ...request, images, labels });
      return async (asked) => [
        await model.predict(asked, { threads: config.threads, signal: options.signal }),
      ];
    },
    { ...request, images: gatherImages(dataset, rows), labels: gatherLabels(dataset, rows) },
  );
  if (labels.length === 0) return LEFT_ALONE;
  const held = { scores: logarithms(answers[0]!), labels, classes };
  return calibrate(held, { prior: FITTED_PRIOR, chance: true }, "cross-fit");
}

function calibrate(
  { scores, labels, classes }: HeldOut,
  options: CalibratorOptions,
  source: CalibrationSummary["source"],
): Calibrated {
  const rows = labels.length;
  const calibrator = fitCalibrator(scores, labels, classes, options);
  const calibration = { ...calibrator, rows, source };
  if (rows === 0) return { calibration };
  const levels = riskLevels(calibratedProbabilities(scores, classes, calibrator), labels, classes);
  return { calibration, unknown: { rows, source, levels } };
}

/** Natural logarithms; -Infinity of 0. */
export function logarithms(probabilities: Float32Array): Float32Array {
  return probabilities.map(Math.log);
}
