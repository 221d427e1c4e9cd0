// The grid of a comparison: a row is a set under a mask, a split, a label count and a model; a cell is a row and a seed.
import { type Cell, cellKey, countsIn, type Trial, trainingRoom } from "../reproduce/cells.ts";
import type { TrainingConfig } from "../training/index.ts";
import type { ComparedSet } from "./sets.ts";
import { contenderOf, type LabelCount } from "./settings.ts";

export interface ComparedRow {
  readonly compared: ComparedSet;
  readonly split: "given" | "random" | "group";
  readonly labels: LabelCount;
  readonly trial: Trial;
  readonly seeds: readonly number[];
}

export interface RowOptions {
  readonly labels: readonly LabelCount[];
  readonly models: readonly string[];
  readonly seeds: number;
  readonly unlabelled: number | "all";
  readonly training: Partial<TrainingConfig>;
}

// A split by group leaves another number of images for each seed; the smallest is not known before.
const ROOM_OF_GROUPS = 0.8;

/** Label counts that a set cannot give are left out, and so is a share that comes to a count that is asked for as well. */
export function comparedRows(sets: readonly ComparedSet[], options: RowOptions): ComparedRow[] {
  const rows: ComparedRow[] = [];
  for (const compared of sets) {
    for (const split of compared.splits) {
      const room = trainingRoom(compared.loaded, split === "group" ? "group" : "random");
      const labelled =
        room.perClass.reduce((sum, n) => sum + n, 0) * (split === "group" ? ROOM_OF_GROUPS : 1);
      for (const labels of options.labels) {
        const fitted = countsIn(room, labels, options.unlabelled);
        const asked = fitted.labelCount;
        if (fitted.labels !== labels || asked > labelled) continue;
        if (typeof labels === "string" && options.labels.includes(asked)) continue;
        for (const name of options.models) {
          const contender = contenderOf(name);
          rows.push({
            compared,
            split,
            labels,
            trial: {
              set: compared.loaded.name,
              contender,
              labels,
              unlabelled: contender.pool ? fitted.unlabelled : 0,
              training: {
                ...(contender.network && { ...options.training, ...contender.training }),
                ...(split === "group" && { split }),
              },
              labelCount: fitted.labelCount,
              poolCount: contender.pool ? fitted.poolCount : 0,
              sharesPretraining:
                contender.pretrains && fitted.unlabelled === "all" && options.training.pretrainEpochs !== 0,
            },
            seeds: Array.from({ length: options.seeds }, (_, i) => i + 1),
          });
        }
      }
    }
  }
  return rows;
}

/**
 * Models that need no gradients before networks, the first seed of every row before the second, few labels before many, the
 * cheap before the dear: whenever it is stopped, what is there can be compared.
 */
export function comparedCells(rows: readonly ComparedRow[], estimate: (trial: Trial) => number): Cell[] {
  return rows
    .flatMap(({ trial, seeds }) =>
      seeds.map((seed): Cell => ({ key: cellKey(trial, seed), trial, seed, tables: [] })),
    )
    .map((cell) => ({ cell, cost: estimate(cell.trial) }))
    .sort(
      (a, b) =>
        Number(a.cell.trial.contender.network) - Number(b.cell.trial.contender.network) ||
        a.cell.seed - b.cell.seed ||
        a.cell.trial.labelCount - b.cell.trial.labelCount ||
        a.cost - b.cost ||
        a.cell.key.localeCompare(b.cell.key),
    )
    .map(({ cell }) => cell);
}
