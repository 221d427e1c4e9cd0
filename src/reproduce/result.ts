// What is kept of a finished cell: one JSON file.
import type { Evaluation } from "../evaluation/evaluate.ts";
import type { EpochRecord, RunMetrics, TrainingConfig } from "../training/index.ts";
import type { Machine } from "./machine.ts";

export interface CellScores {
  readonly accuracy: number;
  readonly macroF1: number;
  readonly macroPrecision: number;
  readonly macroRecall: number;
  readonly weightedF1: number;
}

/** One training phase, a number an epoch; losses in nats. */
export interface PhaseCurves {
  readonly phase: string;
  readonly seconds: number;
  readonly losses: Readonly<Record<string, readonly number[]>>;
  readonly accuracies: Readonly<Record<string, readonly number[]>>;
}

export interface CellResult {
  readonly formatVersion: 1;
  readonly key: string;
  /** sha256 of the images and labels that it was computed on. */
  readonly datasetSha256: string;
  readonly set: string;
  readonly contender: string;
  readonly seed: number;
  readonly view: string;
  readonly mask: string;
  readonly split: string;
  readonly labelled: number;
  readonly validation: number;
  readonly unlabelled: number;
  readonly test: number;
  /** Test images that are byte for byte also outside the test part; null where the split is ours. */
  readonly leaked: number | null;
  /** On the test images but those, by the exported model; null where there are none. */
  readonly withoutLeaked: { readonly accuracy: number; readonly macroF1: number } | null;
  /** With every default filled in; the run can be made again from it. */
  readonly config: TrainingConfig;
  readonly scores: CellScores;
  readonly classes: readonly string[];
  /** confusion[i][j]: test images of class i that were given class j. */
  readonly confusion: readonly (readonly number[])[];
  readonly curves: readonly PhaseCurves[];
  readonly warnings: readonly string[];
  /** Wall-clock, of training, scoring and export; the time between a stop and its resumption does not count. */
  readonly seconds: number;
  /** Of the pre-training that it shares with other cells, which is not in `seconds`; 0 where it has its own or none. */
  readonly sharedSeconds: number;
  readonly machine: Machine;
  readonly finished: string;
}

/** The phases without labels of one contender and seed, on the whole training part of a set. */
export interface PretrainingResult {
  readonly formatVersion: 1;
  readonly key: string;
  readonly datasetSha256: string;
  readonly curves: readonly PhaseCurves[];
  readonly seconds: number;
  readonly machine: Machine;
}

/** A cell that ended in an error of its own: kept so that the report can say so, and run again on resuming. */
export interface CellFailure {
  readonly formatVersion: 1;
  readonly key: string;
  readonly failed: { readonly code: string; readonly message: string };
  readonly finished: string;
}

export function cellScores(evaluation: Evaluation): CellScores {
  const { accuracy, macroF1, macro, weighted } = evaluation;
  return {
    accuracy,
    macroF1,
    macroPrecision: macro.precision,
    macroRecall: macro.recall,
    weightedF1: weighted.f1,
  };
}

export function phaseCurves(history: readonly EpochRecord[], phases: RunMetrics["phases"]): PhaseCurves[] {
  return phases.map(({ phase, seconds }) => {
    const records = history.filter((record) => record.phase === phase);
    return {
      phase,
      seconds,
      losses: columns(records.map(({ losses }) => losses)),
      accuracies: columns(records.map(({ accuracies }) => accuracies)),
    };
  });
}

function columns(records: readonly Readonly<Record<string, number>>[]): Record<string, number[]> {
  const names = [...new Set(records.flatMap((record) => Object.keys(record)))];
  // Five digits are more than a curve shows.
  const short = (value: number | undefined) => Number((value ?? Number.NaN).toPrecision(5));
  return Object.fromEntries(names.map((name) => [name, records.map((record) => short(record[name]))]));
}
