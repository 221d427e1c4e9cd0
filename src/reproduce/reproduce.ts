// `reproduce`: the paper's grid, cell by cell, into a folder that can be left and come back to at any time.
import { join } from "node:path";
import { invalidArgument } from "../../bindings/errors.ts";
import { makeFolder } from "../output-path.ts";
import { writeAtomically } from "../training/atomic-file.ts";
import type { TrainingConfig } from "../training/index.ts";
import { type Cell, gridCells, gridRows, type Row, setsOf } from "./cells.ts";
import { CONTENDERS, type ContenderName } from "./contenders.ts";
import type { Estimator } from "./estimate.ts";
import { checkSets, type LoadedSet, loadSet } from "./image-sets.ts";
import { QUICK_LIMITS, QUICK_TRAINING, quickTable } from "./quick.ts";
import { csvReport, type FigureFiles, markdownReport } from "./report.ts";
import { checkDigests, estimatorOf, type RunCellsOptions, runCells } from "./run-cells.ts";
import { begunRuns, forgetPretrainings, readCells, type StoredCell } from "./store.ts";
import { type Summary, summarize } from "./summary.ts";
import { TABLES, type Table } from "./tables/index.ts";

export const TARGETS = ["table1", "table2", "table3", "table4", "table5", "figures", "all"] as const;
export type Target = (typeof TARGETS)[number];

export interface GridRequest {
  readonly targets: readonly Target[];
  /** Folder with iscx12/SessionAllLayers, iscx12/SessionL7, ustc20/SessionAllLayers, ustc20/SessionL7, as far as asked for. */
  readonly data: string;
  /** Folder for cells, reports and figures. */
  readonly out: string;
  /** 5 by default; 1 with `quick`. */
  readonly seeds?: number | undefined;
  /** A few images, labels and epochs. */
  readonly quick?: boolean | undefined;
  /** Contenders to run; all where it is empty or left out. */
  readonly only?: readonly string[] | undefined;
  /** Both views of each image set. */
  readonly allViews?: boolean | undefined;
  /** Where it differs from the defaults of `train`; it becomes part of what a cell is. */
  readonly training?: GridTraining | undefined;
}

export type GridTraining = Partial<
  Pick<TrainingConfig, "epochs" | "pretrainEpochs" | "patience" | "precision" | "recipe">
>;

export type ReproduceOptions = GridRequest & RunCellsOptions;

export interface ReproduceResult {
  readonly summary: Summary;
  /** report.md, results.csv, results.json, figures. */
  readonly files: readonly string[];
  /** Whether every cell that was asked for is done. */
  readonly complete: boolean;
}

/** A grid with its images in memory, and what of it is done. */
export interface Grid {
  readonly tables: readonly Table[];
  readonly sets: ReadonlyMap<string, LoadedSet>;
  readonly rows: readonly Row[];
  readonly cells: readonly Cell[];
  readonly stored: Map<string, StoredCell>;
  /** Keys of cells and pre-trainings that were begun. */
  readonly begun: readonly string[];
  readonly estimate: Estimator;
  /** Of every network, where it differs from the defaults of `train`. */
  readonly training: Partial<TrainingConfig>;
}

/**
 * Lays out the grid and looks at what is done; trains nothing.
 * @throws ERR_ARGUMENT (a wrong name; cells of other images in the folder), ERR_IO (an image set is missing), ERR_DATASET_FORMAT
 */
export async function openGrid(request: GridRequest): Promise<Grid> {
  const { quick = false, allViews = false, seeds = quick ? 1 : 5 } = request;
  if (!Number.isSafeInteger(seeds) || seeds < 1)
    throw invalidArgument("seeds", "a whole number above 0", seeds);
  const only = (request.only ?? []).map(contenderName);
  const all = tablesOf(request.targets);
  const tables = quick ? all.map(quickTable) : all;
  const names = setsOf(tables, allViews);
  await checkSets(request.data, names);
  const sets = new Map<string, LoadedSet>();
  for (const name of names)
    sets.set(name, await loadSet(request.data, name, quick ? QUICK_LIMITS : undefined));
  const training = { ...(quick ? QUICK_TRAINING : {}), ...request.training };
  const rows = gridRows(tables, sets, { seeds, only, training, allViews });
  const stored = await readCells(request.out);
  checkDigests(sets, stored, request.out);
  const estimate = estimatorOf(
    gridCells(rows, () => 0),
    stored,
  );
  return {
    tables,
    sets,
    rows,
    cells: gridCells(
      rows,
      (trial) => estimate.cell(trial) + (trial.sharesPretraining ? estimate.pretraining(trial) : 0),
    ),
    stored,
    begun: await begunRuns(request.out),
    estimate,
    training,
  };
}

/**
 * Runs what is not done yet, few labels first, and writes report.md, results.csv, results.json and figures. Each finished cell
 * is kept at once; the one under way goes on from its checkpoint next time. A cell that ends in an error of its own is
 * recorded and the next one begun.
 * @throws ERR_ABORTED (the reports are written all the same); what `openGrid` throws; ERR_TORCH_MISSING, ERR_DEVICE, ERR_IO
 */
export async function reproduce(options: ReproduceOptions): Promise<ReproduceResult> {
  const { out, quick = false } = options;
  const grid = await openGrid(options);
  const result = await runCells({
    ...options,
    ...grid,
    setOf: (trial) => grid.sets.get(trial.set)!,
    writeReports: () => writeReports(grid, out, quick),
  });
  // Another table may want them yet.
  if (result.complete && options.targets.includes("all")) await forgetPretrainings(out);
  return result;
}

async function writeReports(grid: Grid, out: string, quick: boolean): Promise<ReproduceResult> {
  const summary = summarize({ ...grid, quick });
  const files: string[] = [];
  const write = async (name: string, text: string) => {
    await writeAtomically(join(out, name), [Buffer.from(text)]);
    files.push(name);
  };
  await makeFolder(join(out, "figures"));
  const figures: Map<string, { file: string; caption: string }[]> = new Map();
  // Loaded here: whoever asks for a list, or ends in an error, need not wait for a plotting library.
  const { drawFigures } = await import("./figures/index.ts");
  for (const { table, file, caption, svg } of await drawFigures(summary, grid.stored)) {
    const name = `figures/${file}`;
    await write(name, svg);
    figures.set(table, [...(figures.get(table) ?? []), { file: name, caption }]);
  }
  await write("report.md", markdownReport(summary, figures satisfies FigureFiles));
  await write("results.csv", csvReport(summary));
  await write("results.json", `${JSON.stringify(summary, null, 2)}\n`);
  return { summary, files, complete: summary.cellsDone === summary.cellsAsked };
}

function tablesOf(targets: readonly Target[]): Table[] {
  for (const target of targets) {
    if (!TARGETS.includes(target)) throw invalidArgument("target", `one of ${TARGETS.join(", ")}`, target);
  }
  if (targets.length === 0)
    throw invalidArgument("targets", `at least one of ${TARGETS.join(", ")}`, targets);
  return TABLES.filter(({ name }) => targets.includes("all") || targets.includes(name as Target));
}

function contenderName(name: string): ContenderName {
  const row = CONTENDERS.find((candidate) => candidate.name === name);
  if (row === undefined) {
    throw invalidArgument(
      "only",
      `names among ${CONTENDERS.map((candidate) => candidate.name).join(", ")}`,
      name,
    );
  }
  return row.name;
}
