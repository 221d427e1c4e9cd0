// The grid: rows (a setting and a contender) and cells (a row and a seed). Rows of different tables that come to the same
// training share their cells, which a key names.
import { createHash } from "node:crypto";
import { makeSplit } from "../dataset/split.ts";
import type { TrainingConfig } from "../training/index.ts";
import { type Contender, type ContenderName, contender } from "./contenders.ts";
import type { ImageSetName, LoadedSet } from "./image-sets.ts";
import { type Labels, type PaperScores, settingLabel, type Table } from "./tables/index.ts";

/** What one training is, but for its seed. */
export interface Trial {
  /** Name of a LoadedSet. */
  readonly set: string;
  readonly contender: Contender;
  readonly labels: Labels;
  readonly unlabelled: number | "all";
  /** Where they differ from the defaults of `train`. */
  readonly training: Partial<TrainingConfig>;
  /** Labelled images that this comes to, validation included: what rows are ordered by. */
  readonly labelCount: number;
  /** Images without labels that it comes to. */
  readonly poolCount: number;
  /**
   * Whether it starts from the pre-training that all trials of its contender and seed share: where the pool is all that is
   * left of the training part, they would pre-train on the same images again and again.
   */
  readonly sharesPretraining: boolean;
}

/** One line of a table: a trial, and what the paper reports for it. */
export interface Row {
  readonly table: string;
  /** Which of the table's settings, from 0. */
  readonly setting: number;
  readonly trial: Trial;
  /** Of the setting, as the table has it; a set that holds fewer gives all it has. */
  readonly label: string;
  readonly paper: PaperScores | undefined;
  readonly seeds: readonly number[];
  readonly notes: readonly string[];
}

export interface Cell {
  readonly key: string;
  readonly trial: Trial;
  readonly seed: number;
  /** The tables that want it. */
  readonly tables: readonly string[];
}

export interface GridOptions {
  readonly seeds: number;
  /** Contenders to run; all where it is empty. */
  readonly only: readonly ContenderName[];
  readonly training: Partial<TrainingConfig>;
  readonly allViews: boolean;
}

/** The image sets that tables want. */
export function setsOf(tables: readonly Table[], allViews: boolean): ImageSetName[] {
  return [...new Set(tables.flatMap(({ set, otherView }) => (allViews ? [set, otherView] : [set])))];
}

/** Every row of the tables, on the sets that were loaded. */
export function gridRows(
  tables: readonly Table[],
  sets: ReadonlyMap<string, LoadedSet>,
  options: GridOptions,
): Row[] {
  const rows: Row[] = [];
  for (const table of tables) {
    for (const name of options.allViews ? [table.set, table.otherView] : [table.set]) {
      const room = trainingRoom(sets.get(name)!);
      for (const [setting, { labels, unlabelled, paper, insteadOf }] of table.settings.entries()) {
        for (const who of [...table.compared, ...table.beside]) {
          if (options.only.length > 0 && !options.only.includes(who)) continue;
          const fitted = countsIn(room, labels, unlabelled);
          const row = contender(who);
          rows.push({
            table: table.name,
            setting,
            trial: {
              set: name,
              contender: row,
              labels: fitted.labels,
              unlabelled: row.pool ? fitted.unlabelled : 0,
              training: row.network ? { ...options.training, ...row.training } : {},
              labelCount: fitted.labelCount,
              poolCount: row.pool ? fitted.poolCount : 0,
              sharesPretraining:
                row.pretrains && fitted.unlabelled === "all" && options.training.pretrainEpochs !== 0,
            },
            label: settingLabel(labels, unlabelled) + (insteadOf === undefined ? "" : ` (for ${insteadOf})`),
            // The paper's figures are of the view that it used; another view is another experiment.
            paper: name === table.set ? paper[who] : undefined,
            seeds: Array.from({ length: table.oneSeed ? 1 : options.seeds }, (_, i) => i + 1),
            notes: fitted.notes,
          });
        }
      }
    }
  }
  return rows;
}

/** Each cell once: the first seed of every row before the second, few labels before many, the cheap before the dear. */
export function gridCells(rows: readonly Row[], estimate: (trial: Trial) => number): Cell[] {
  const cells = new Map<string, { trial: Trial; seed: number; tables: string[] }>();
  for (const { trial, seeds, table } of rows) {
    for (const seed of seeds) {
      const key = cellKey(trial, seed);
      const cell = cells.get(key) ?? { trial, seed, tables: [] };
      if (!cell.tables.includes(table)) cell.tables.push(table);
      cells.set(key, cell);
    }
  }
  return [...cells]
    .map(([key, cell]) => ({ key, ...cell }))
    .sort(
      (a, b) =>
        a.seed - b.seed ||
        a.trial.labelCount - b.trial.labelCount ||
        estimate(a.trial) - estimate(b.trial) ||
        a.key.localeCompare(b.key),
    );
}

/** Says what it is, and ends in a digest of all that the result depends on (but for the images, which a result names). */
export function cellKey(trial: Trial, seed: number): string {
  const { set, contender: who, labels, unlabelled, training } = trial;
  const decisive = [set, who.model, labels, unlabelled, Object.entries(training).sort(), seed];
  const digest = digestOf(trial.sharesPretraining ? [...decisive, "shared"] : decisive);
  const counts = `${String(labels).replace("%", "pc").replace("/", "-")}+${unlabelled}`;
  return `${set.replace("/", "-")}_${counts}_${who.name}_s${seed}_${digest}`;
}

/** Of the pre-training that a trial shares. */
export function pretrainingKey({ set, contender: who, training }: Trial, seed: number): string {
  // Nothing of the supervised phase: other epochs there start from the same weights.
  const { epochs: _, patience: __, ...decisive } = training;
  const digest = digestOf([set, who.model, Object.entries(decisive).sort(), seed]);
  return `${set.replace("/", "-")}_${who.name}_s${seed}_${digest}`;
}

function digestOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 8);
}

export interface Room {
  /** Labelled images of each class that may train. */
  readonly perClass: readonly number[];
  readonly images: number;
}

/** What is left of a set for training: of a split by group, which differs from seed to seed, that of seed 1. */
export function trainingRoom({ dataset }: LoadedSet, kind: "random" | "group" = "random"): Room {
  const training = makeSplit(dataset, { labels: 0, kind }).unlabelled;
  const perClass = dataset.classes.map(() => 0);
  for (const row of training) if (dataset.labels[row]! >= 0) perClass[dataset.labels[row]!]!++;
  return { perClass, images: training.length };
}

/** The label counts as a set can give them, and what to say of it where it holds fewer. */
export function countsIn({ perClass, images }: Room, labels: Labels, unlabelled: number | "all") {
  const labelled = perClass.reduce((sum, n) => sum + n, 0);
  const notes: string[] = [];
  let given: Labels = labels;
  let labelCount = labelled;
  if (typeof labels === "number") {
    labelCount = Math.min(labels, labelled);
    if (labels > labelled) {
      given = "all";
      notes.push(`the set has ${labelled} labelled images to train on: all taken`);
    }
  } else if (labels.endsWith("%")) {
    labelCount = Math.round((labelled * Number.parseFloat(labels)) / 100);
  } else if (labels.endsWith("/class")) {
    const asked = Number.parseInt(labels, 10);
    labelCount = perClass.reduce((sum, n) => sum + Math.min(asked, n), 0);
    const short = perClass.filter((n) => n < asked).length;
    if (short === perClass.length) given = "all";
    if (short > 0) {
      notes.push(
        `${short} of ${perClass.length} classes hold fewer than ${asked}: ${labelCount} labels in all`,
      );
    }
  }
  const pool = Math.max(0, images - labelCount);
  const fits = unlabelled === "all" || unlabelled <= pool;
  if (!fits) notes.push(`the set has ${pool} images left for the pool of ${unlabelled}: all taken`);
  return {
    labels: given,
    labelCount,
    unlabelled: fits ? unlabelled : ("all" as const),
    poolCount: fits && unlabelled !== "all" ? unlabelled : pool,
    notes,
  };
}
