// From the error that a user accepts to the threshold under which a model says `unknown`.
import { FlowglyphError } from "../../bindings/errors.ts";
import type { ModelMetadata } from "../onnx/metadata.ts";
import { CONFIDENCE, levelFor, type PromisedLevel, promisedLevels } from "./risk-coverage.ts";

/**
 * The level of a model at which, with the confidence given, at most the share `error` of its verdicts is wrong. That holds for
 * sessions drawn as the labelled ones were, and of the model's classes: a session of a class that the model has never seen is
 * no part of the promise (bench/results/unknown.md has how many of those become `unknown`).
 * @param error above 0 and below 1
 * @throws ERR_ARGUMENT where the model cannot promise so little; the message says what it can
 */
export function unknownThreshold(
  { unknown }: Pick<ModelMetadata, "unknown">,
  error: number,
  confidence = CONFIDENCE,
): PromisedLevel {
  if (unknown === undefined) {
    throw new FlowglyphError(
      "ERR_ARGUMENT",
      "This model cannot promise an error: no labelled image was left to count wrong verdicts on when it was trained. A threshold by hand (--unknown-below) works for every model",
    );
  }
  const level = levelFor(unknown.levels, error, confidence);
  if (level !== undefined) return level;
  const least = Math.min(...promisedLevels(unknown.levels, confidence).map((one) => one.error));
  throw new FlowglyphError(
    "ERR_ARGUMENT",
    `This model cannot promise that at most ${percent(error)} of its verdicts are wrong: ${unknown.rows} labelled images that it had not learned from allow no less than ${percent(Math.ceil(least * 1000) / 1000)}, with a confidence of ${percent(confidence)}. Train with more labels, accept more errors, or set a threshold by hand (--unknown-below)`,
  );
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(2))} %`;
}
