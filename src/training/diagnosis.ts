// Says when a phase ran to its end and yet learned nothing, from its history alone. One row a kind of phase, found by the
// losses that it records; a model is never named.
import type { EpochRecord } from "./history.ts";

interface Diagnosis {
  /** Losses that a phase must record for this row to apply. */
  readonly losses: readonly string[];
  /** A warning, or undefined where all is well. `last` are the phase's closing epochs, at least one. */
  readonly judge: (last: readonly EpochRecord[]) => string | undefined;
}

// A discriminator that answers "half real, half generated" for everything has the binary cross-entropy ln 2 on either half
// (Goodfellow et al. 2014, section 4.1): 2 ln 2 in sum.
const UNDECIDED = 2 * Math.LN2;
const NEAR_UNDECIDED = 0.03;
const NEAR_ZERO = 0.05;
const CLOSING_EPOCHS = 3;

const DIAGNOSES: readonly Diagnosis[] = [
  {
    losses: ["discriminator", "generator"],
    judge: (last) => {
      const discriminator = mean(last.map((record) => record.losses.discriminator!));
      const generator = mean(last.map((record) => record.losses.generator!));
      if (Math.abs(discriminator - UNDECIDED) < NEAR_UNDECIDED) {
        return `the discriminator's loss stayed at ${discriminator.toFixed(3)}, near 2 ln 2 = ${UNDECIDED.toFixed(3)}: it could not tell real images from generated ones, and its weights may carry nothing to the classifier`;
      }
      if (discriminator < NEAR_ZERO) {
        return `the discriminator's loss fell to ${discriminator.toFixed(3)} (the generator's is ${generator.toFixed(2)}): it tells every generated image at once, and the generator gives it nothing to learn from`;
      }
      return undefined;
    },
  },
];

/** Warnings about the phase whose records these are. */
export function diagnosePhase(records: readonly EpochRecord[]): string[] {
  const last = records.slice(-CLOSING_EPOCHS);
  const first = last[0];
  if (first === undefined) return [];
  return DIAGNOSES.filter((row) => row.losses.every((name) => Number.isFinite(first.losses[name])))
    .map((row) => row.judge(last))
    .filter((warning) => warning !== undefined)
    .map((warning) => `phase ${first.phase}: ${warning}`);
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
