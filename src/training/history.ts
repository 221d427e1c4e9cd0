// history.jsonl: one line an epoch, from the sums of what the steps recorded.
import { FlowglyphError } from "../../bindings/errors.ts";
import type { ValidationScore } from "./early-stop.ts";

/** One line of history.jsonl. */
export interface EpochRecord {
  readonly phase: string;
  /** From 1 in each phase. */
  readonly epoch: number;
  readonly steps: number;
  /** Mean over the epoch's steps of every loss that the phase records; `validation` where the epoch was validated. */
  readonly losses: Readonly<Record<string, number>>;
  /** Shares of right answers, 0 to 1: over the epoch as it went, and `validation` at its end. */
  readonly accuracies: Readonly<Record<string, number>>;
  /** Wall-clock seconds of the epoch; the time between a stop and its resumption does not count. */
  readonly seconds: number;
}

/** Counts of right answers (`correct`) become accuracies, everything else is a loss. */
const isCount = (name: string) => name === "correct";
/** `loss` is the phase's only one and stands beside `validation`; `generatorLoss` is the generator's. */
const lossName = (name: string) => (name === "loss" ? "train" : name.replace(/Loss$/, ""));

export function epochRecord(
  about: { phase: string; epoch: number; steps: number; seconds: number },
  sums: ReadonlyMap<string, number>,
  images: number,
  validation: ValidationScore | undefined,
): EpochRecord {
  const losses: Record<string, number> = {};
  const accuracies: Record<string, number> = {};
  for (const [name, sum] of sums) {
    if (isCount(name)) accuracies.train = sum / images;
    else losses[lossName(name)] = sum / about.steps;
  }
  if (validation !== undefined) {
    losses.validation = validation.loss;
    accuracies.validation = validation.accuracy;
  }
  for (const [name, loss] of Object.entries(losses)) {
    if (!Number.isFinite(loss)) {
      throw new FlowglyphError(
        "ERR_DIVERGED",
        `Expected a finite ${name} in phase ${about.phase}, epoch ${about.epoch}, but received ${loss}; a lower learningRate may help`,
      );
    }
  }
  const { phase, epoch, steps, seconds } = about;
  return { phase, epoch, steps, losses, accuracies, seconds: Math.round(seconds * 1000) / 1000 };
}

/** Sum of the losses of a step, on average since the epoch began: the one number of a progress line. */
export function meanLoss(sums: ReadonlyMap<string, number>, steps: number): number {
  let total = 0;
  for (const [name, sum] of sums) if (!isCount(name)) total += sum;
  return total / steps;
}

export function historyLines(history: readonly EpochRecord[]): Uint8Array {
  return Buffer.from(history.map((record) => `${JSON.stringify(record)}\n`).join(""));
}
