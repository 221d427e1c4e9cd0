// Rows with the cells that were run: the shape of results.json, and what Markdown, CSV and charts are made of.
import { meanAndDeviation } from "../evaluation/metrics.ts";
import { cellKey } from "../reproduce/cells.ts";
import type { CellResult } from "../reproduce/result.ts";
import { isFinished, type StoredCell } from "../reproduce/store.ts";
import {
  type CellsInput,
  type CellsSummary,
  cellsSummary,
  failuresAmong,
  type ScoreSummary,
  scoreSummary,
} from "../reproduce/summary.ts";
import { type PairedDifference, pairedDifference } from "./paired.ts";
import type { ComparedRow } from "./rows.ts";
import { REFERENCE } from "./settings.ts";

export interface ComparedScore {
  readonly contender: string;
  readonly title: string;
  readonly model: string;
  /** 0 where it uses none. */
  readonly unlabelledImages: number;
  readonly seeds: readonly number[];
  /** Mean and sample standard deviation over the seeds; null where none was run. */
  readonly scores: ScoreSummary | null;
  readonly accuracies: readonly number[];
  readonly macroF1s: readonly number[];
  /** Accuracy less that of trees, and less that of the winner; null for itself, and where no seed is in both. */
  readonly overTrees: PairedDifference | null;
  readonly overWinner: PairedDifference | null;
  /** Of training, scoring and export; mean over the seeds. */
  readonly seconds: number | null;
  readonly cells: readonly string[];
  readonly failures: readonly string[];
}

/** One line of a table. */
export interface ComparedSetting {
  readonly set: string;
  readonly title: string;
  readonly view: string;
  readonly mask: string;
  readonly split: string;
  readonly classes: number;
  readonly labels: string;
  readonly labelledImages: number;
  /** Of the first cell that was run; null before. */
  readonly testImages: number | null;
  /** Of the best mean accuracy; null where nothing was run. */
  readonly winner: string | null;
  readonly models: readonly ComparedScore[];
}

export interface Comparison extends CellsSummary {
  readonly settings: readonly ComparedSetting[];
  /** By set, and by mask where they speak of one. */
  readonly notes: Readonly<Record<string, readonly string[]>>;
}

export interface ComparisonInput extends CellsInput {
  readonly rows: readonly ComparedRow[];
}

export function summarizeComparison(input: ComparisonInput): Comparison {
  const { rows, stored } = input;
  const groups = new Map<string, ComparedRow[]>();
  for (const row of rows) {
    const id = JSON.stringify([row.compared.set, row.compared.mask, row.split, row.labels]);
    groups.set(id, [...(groups.get(id) ?? []), row]);
  }
  const notes: Record<string, string[]> = {};
  for (const { compared } of rows) {
    const { set, loaded, caution } = compared;
    const said = caution === "" ? loaded.notes : [`mask none: ${caution}`, ...loaded.notes];
    notes[set] = [...new Set([...(notes[set] ?? []), ...said])];
  }
  const { cells, ...head } = cellsSummary(input);
  const settings = [...groups.values()].map((group) => settingSummary(group, stored));
  return { ...head, settings, notes, cells };
}

function settingSummary(
  group: readonly ComparedRow[],
  stored: ReadonlyMap<string, StoredCell>,
): ComparedSetting {
  const { compared, split, labels, trial } = group[0]!;
  const results = group.map((row) => row.seeds.map((seed) => stored.get(cellKey(row.trial, seed))));
  const done = results.map((cells) => cells.filter(isFinished));
  const means = done.map((cells) => (cells.length === 0 ? -1 : meanAndDeviation(accuracies(cells)).mean));
  const best = means.indexOf(Math.max(...means));
  const reference = group.findIndex((row) => row.trial.contender.name === REFERENCE);
  const over = (i: number, other: number) =>
    i === other || other < 0 ? null : pairedDifference(bySeed(done[i]!), bySeed(done[other]!));
  return {
    set: compared.set,
    title: compared.title,
    view: compared.view,
    mask: compared.mask,
    split,
    classes: compared.loaded.dataset.classes.length,
    labels: String(labels),
    labelledImages: trial.labelCount,
    testImages: done.flat()[0]?.test ?? null,
    winner: means[best] === -1 ? null : group[best]!.trial.contender.name,
    models: group.map(({ trial: { contender, poolCount } }, i) => ({
      contender: contender.name,
      title: contender.title,
      model: contender.model,
      unlabelledImages: poolCount,
      seeds: done[i]!.map(({ seed }) => seed),
      scores: done[i]!.length === 0 ? null : scoreSummary(done[i]!),
      accuracies: accuracies(done[i]!),
      macroF1s: done[i]!.map(({ scores }) => scores.macroF1),
      overTrees: over(i, reference),
      overWinner: means[best] === -1 ? null : over(i, best),
      seconds:
        done[i]!.length === 0
          ? null
          : meanAndDeviation(done[i]!.map((c) => c.seconds + c.sharedSeconds)).mean,
      cells: done[i]!.map(({ key }) => key),
      failures: failuresAmong(results[i]!),
    })),
  };
}

const accuracies = (cells: readonly CellResult[]) => cells.map(({ scores }) => scores.accuracy);
const bySeed = (cells: readonly CellResult[]) =>
  new Map(cells.map(({ seed, scores }) => [seed, scores.accuracy]));
