// Rows with the cells that were run: the shape of results.json, and what the Markdown, the CSV and the figures are made of.
import { meanAndDeviation } from "../evaluation/metrics.ts";
import type { TrainingConfig } from "../training/index.ts";
import { cellKey, type Row } from "./cells.ts";
import { IMAGE_SETS, type ImageSetName, type LoadedSet } from "./image-sets.ts";
import type { Machine } from "./machine.ts";
import type { CellResult, CellScores } from "./result.ts";
import { isFinished, type StoredCell } from "./store.ts";
import type { PaperScores, Table } from "./tables/index.ts";

/** Mean and sample standard deviation over the seeds that were run; shares, 0 to 1. */
export type ScoreSummary = Readonly<
  Record<keyof CellScores, { readonly mean: number; readonly deviation: number }>
>;

export interface RowSummary {
  /** Which of the table's settings, from 0. */
  readonly setting: number;
  readonly contender: string;
  readonly title: string;
  readonly model: string;
  readonly set: string;
  readonly view: string;
  readonly mask: string;
  readonly split: string;
  /** Labels and pool of the setting, as the table asks for them. */
  readonly label: string;
  /** As they were asked of the set. */
  readonly labels: string;
  /** 0 where the contender uses none. */
  readonly unlabelled: number | "all";
  /** What it came to, validation included in the labelled. */
  readonly labelledImages: number;
  readonly unlabelledImages: number;
  readonly training: Partial<TrainingConfig>;
  /** Per cent, as printed. */
  readonly paper: PaperScores | null;
  readonly seedsAsked: number;
  readonly seeds: readonly number[];
  /** Null where no seed was run yet. */
  readonly scores: ScoreSummary | null;
  readonly accuracies: readonly number[];
  /** Mean over the seeds, without test images that are copies of training images; null where there are none. */
  readonly withoutLeaked: { readonly accuracy: number; readonly macroF1: number } | null;
  readonly cells: readonly string[];
  /** Mean over the seeds. */
  readonly seconds: number | null;
  readonly machines: readonly string[];
  readonly notes: readonly string[];
  readonly failures: readonly string[];
}

export interface TableSummary {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly set: string;
  readonly setTitle: string;
  readonly caution: string;
  readonly classes: number;
  readonly notes: readonly string[];
  readonly rows: readonly RowSummary[];
}

export interface CellSummary {
  readonly key: string;
  readonly accuracy: number;
  readonly macroF1: number;
  readonly seconds: number;
  /** Of a pre-training that other cells share, which is not in `seconds`. */
  readonly sharedSeconds: number;
  readonly threads: number;
  readonly device: string;
  readonly machine: Machine;
  readonly finished: string;
  readonly warnings: readonly string[];
}

/** What results.json begins and ends with, here and in `compare`. */
export interface CellsSummary {
  readonly formatVersion: 1;
  readonly quick: boolean;
  /** Of every network, where it differs from the defaults of `train`. */
  readonly training: Partial<TrainingConfig>;
  readonly cellsAsked: number;
  readonly cellsDone: number;
  readonly cells: readonly CellSummary[];
}

export interface Summary extends CellsSummary {
  readonly tables: readonly TableSummary[];
}

/** Rows of cells, and what of them is done. */
export interface CellsInput {
  readonly rows: readonly Pick<Row, "trial" | "seeds">[];
  readonly stored: ReadonlyMap<string, StoredCell>;
  readonly quick: boolean;
  readonly training: Partial<TrainingConfig>;
}

export interface SummaryInput extends CellsInput {
  readonly tables: readonly Table[];
  readonly rows: readonly Row[];
  readonly sets: ReadonlyMap<string, LoadedSet>;
}

export function summarize(input: SummaryInput): Summary {
  const { tables, rows, sets, stored } = input;
  const { cells, ...head } = cellsSummary(input);
  return {
    ...head,
    tables: tables.flatMap((table) => {
      const own = rows.filter((row) => row.table === table.name);
      const names = [...new Set(own.map(({ trial }) => trial.set))];
      return names.map((set) =>
        tableSummary(
          table,
          sets.get(set)!,
          own.filter(({ trial }) => trial.set === set),
          stored,
        ),
      );
    }),
    cells,
  };
}

/** Cells that stand in several rows count once. */
export function cellsSummary({ rows, stored, quick, training }: CellsInput): CellsSummary {
  const asked = new Set(rows.flatMap(({ trial, seeds }) => seeds.map((seed) => cellKey(trial, seed))));
  const done = [...asked].map((key) => stored.get(key)).filter(isFinished);
  return {
    formatVersion: 1,
    quick,
    training,
    cellsAsked: asked.size,
    cellsDone: done.length,
    cells: done.map(cellSummary),
  };
}

function cellSummary(cell: CellResult): CellSummary {
  return {
    key: cell.key,
    accuracy: cell.scores.accuracy,
    macroF1: cell.scores.macroF1,
    seconds: cell.seconds,
    sharedSeconds: cell.sharedSeconds,
    threads: cell.config.threads,
    device: cell.config.device,
    machine: cell.machine,
    finished: cell.finished,
    warnings: cell.warnings,
  };
}

function tableSummary(
  table: Table,
  { name, dataset, notes }: LoadedSet,
  rows: readonly Row[],
  stored: ReadonlyMap<string, StoredCell>,
): TableSummary {
  const { title, caution } = IMAGE_SETS[name as ImageSetName];
  return {
    name: table.name,
    title: table.title,
    source: table.source,
    set: name,
    setTitle: title,
    caution: notes.length > 0 ? "" : caution,
    classes: dataset.classes.length,
    notes: [...notes, ...table.notes],
    rows: rows.map((row) => rowSummary(row, dataset.manifest, dataset.testRows === undefined, stored)),
  };
}

function rowSummary(
  row: Row,
  { view, mask }: LoadedSet["dataset"]["manifest"],
  ownSplit: boolean,
  stored: ReadonlyMap<string, StoredCell>,
): RowSummary {
  const { trial, label, paper, seeds } = row;
  const cells = seeds.map((seed) => stored.get(cellKey(trial, seed)));
  const done = cells.filter(isFinished);
  const leaked = done[0]?.leaked ?? 0;
  return {
    setting: row.setting,
    contender: trial.contender.name,
    title: trial.contender.title,
    model: trial.contender.model,
    set: trial.set,
    view,
    mask,
    split: ownSplit ? "random" : "given",
    label,
    labels: String(trial.labels),
    unlabelled: trial.unlabelled,
    labelledImages: trial.labelCount,
    unlabelledImages: trial.poolCount,
    training: trial.training,
    paper: paper ?? null,
    seedsAsked: seeds.length,
    seeds: done.map(({ seed }) => seed),
    scores: done.length === 0 ? null : scoreSummary(done),
    accuracies: done.map(({ scores }) => scores.accuracy),
    withoutLeaked: meanWithoutLeaked(done),
    cells: done.map(({ key }) => key),
    seconds: done.length === 0 ? null : meanAndDeviation(done.map(({ seconds }) => seconds)).mean,
    machines: [...new Set(done.map(({ machine }) => machine.processor))],
    notes:
      leaked === 0
        ? row.notes
        : [...row.notes, `${leaked} of ${done[0]!.test} test images are copies of training images`],
    failures: failuresAmong(cells),
  };
}

export function failuresAmong(cells: readonly (StoredCell | undefined)[]): string[] {
  return cells.flatMap((cell) =>
    cell !== undefined && "failed" in cell ? [`${cell.key}: ${cell.failed.message}`] : [],
  );
}

function meanWithoutLeaked(done: readonly CellResult[]): RowSummary["withoutLeaked"] {
  const scores = done.map(({ withoutLeaked }) => withoutLeaked).filter((score) => score !== null);
  if (scores.length === 0 || scores.length < done.length) return null;
  const mean = (values: readonly number[]) => meanAndDeviation(values).mean;
  return {
    accuracy: mean(scores.map(({ accuracy }) => accuracy)),
    macroF1: mean(scores.map(({ macroF1 }) => macroF1)),
  };
}

export function scoreSummary(done: readonly CellResult[]): ScoreSummary {
  const of = (name: keyof CellScores) => meanAndDeviation(done.map(({ scores }) => scores[name]));
  return {
    accuracy: of("accuracy"),
    macroF1: of("macroF1"),
    macroPrecision: of("macroPrecision"),
    macroRecall: of("macroRecall"),
    weightedF1: of("weightedF1"),
  };
}
