// `reproduce`: the paper's grid, cell by cell, into a folder that can be left and come back to at any time.
import { join } from "node:path";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import { makeFolder } from "../output-path.ts";
import { writeAtomically } from "../training/atomic-file.ts";
import { datasetDigest, type TrainingConfig, type TrainingProgress } from "../training/index.ts";
import { type Cell, gridCells, gridRows, pretrainingKey, type Row, setsOf } from "./cells.ts";
import { CONTENDERS, type ContenderName } from "./contenders.ts";
import { type Estimator, makeEstimator, secondsOf } from "./estimate.ts";
import { executeCell, forgetRun } from "./execute.ts";
import { checkSets, type ImageSetName, type LoadedSet, loadSet } from "./image-sets.ts";
import { describeMachine } from "./machine.ts";
import { QUICK_LIMITS, QUICK_TRAINING, quickTable } from "./quick.ts";
import { csvReport, type FigureFiles, markdownReport } from "./report.ts";
import type { CellFailure, CellResult } from "./result.ts";
import {
  begunRuns,
  forgetPretrainings,
  isFinished,
  lockFolder,
  readCells,
  type StoredCell,
  saveCell,
} from "./store.ts";
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

export interface ReproduceOptions extends GridRequest {
  /** Go on in a folder that holds cells. */
  readonly resume?: boolean | undefined;
  readonly device?: TrainingConfig["device"] | undefined;
  readonly threads?: number | undefined;
  /** No cell is begun after this many hours; 0 only writes the reports anew. */
  readonly maxHours?: number | undefined;
  /** Stops within a step: the cell under way keeps its checkpoint. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: ReproduceProgress) => void;
  readonly onCell?: (cell: Cell, result: CellResult | CellFailure, progress: GridProgress) => void;
}

export interface GridProgress {
  readonly done: number;
  readonly cells: number;
  /** Estimated, of all cells that are not done. */
  readonly secondsLeft: number;
}

export interface ReproduceProgress extends GridProgress {
  readonly cell: Cell;
  readonly training: TrainingProgress;
}

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
  readonly sets: ReadonlyMap<ImageSetName, LoadedSet>;
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
  const sets = new Map<ImageSetName, LoadedSet>();
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

function estimatorOf(cells: readonly Cell[], stored: ReadonlyMap<string, StoredCell>): Estimator {
  return makeEstimator(
    cells.flatMap(({ key, trial }) => {
      const result = stored.get(key);
      return isFinished(result) ? [{ trial, result }] : [];
    }),
  );
}

/**
 * Runs what is not done yet, few labels first, and writes report.md, results.csv, results.json and figures. Each finished cell
 * is kept at once; the one under way goes on from its checkpoint next time. A cell that ends in an error of its own is
 * recorded and the next one begun.
 * @throws ERR_ABORTED (the reports are written all the same); what `openGrid` throws; ERR_TORCH_MISSING, ERR_DEVICE, ERR_IO
 */
export async function reproduce(options: ReproduceOptions): Promise<ReproduceResult> {
  const { out, signal, maxHours = Number.POSITIVE_INFINITY } = options;
  if (!(maxHours >= 0)) throw invalidArgument("maxHours", "a number, 0 or more", maxHours);
  const grid = await openGrid(options);
  if (options.resume !== true && (grid.stored.size > 0 || grid.begun.length > 0)) {
    throw new FlowglyphError(
      "ERR_ARGUMENT",
      `${out} already holds cells: add --resume to go on there, or name another folder`,
    );
  }
  const machine = await describeMachine();
  const undoFolder = await makeFolder(out);
  const unlock = await lockFolder(out).catch(async (error: unknown) => {
    await undoFolder();
    throw error;
  });
  const end = performance.now() + maxHours * 3_600_000;
  try {
    let { estimate, begun } = grid;
    const missing = grid.cells.filter(({ key }) => !isFinished(grid.stored.get(key)));
    for (const [i, cell] of missing.entries()) {
      if (performance.now() >= end || signal?.aborted) break;
      const progress = (done: number): GridProgress => ({
        done: grid.cells.length - missing.length + done,
        cells: grid.cells.length,
        secondsLeft: secondsOf(missing.slice(done), begun, estimate),
      });
      const execution = {
        out,
        machine,
        device: options.device ?? "auto",
        threads: options.threads,
        signal,
        onProgress: (training: TrainingProgress) => options.onProgress?.({ ...progress(i), cell, training }),
      };
      const result = await executeCell(cell, grid.sets.get(cell.trial.set)!, execution).catch(
        async (error: unknown) => {
          if (error instanceof FlowglyphError && error.code === "ERR_ABORTED") {
            await writeReports(grid, out, options.quick ?? false);
          }
          return failure(cell.key, error);
        },
      );
      await saveCell(out, result);
      await forgetRun(out, cell.key);
      grid.stored.set(cell.key, result);
      estimate = estimatorOf(grid.cells, grid.stored);
      begun = [...begun, pretrainingKey(cell.trial, cell.seed)];
      options.onCell?.(cell, result, progress(i + 1));
    }
    const result = await writeReports(grid, out, options.quick ?? false);
    // Another table may want them yet.
    if (result.complete && options.targets.includes("all")) await forgetPretrainings(out);
    if (signal?.aborted) {
      throw new FlowglyphError("ERR_ABORTED", "The grid was stopped between two cells", {
        cause: signal.reason,
      });
    }
    return result;
  } finally {
    await unlock();
    await undoFolder(); // takes away only what is empty
  }
}

// What a cell may end in without anything being wrong with the others.
const OWN_FAILURES = ["ERR_DIVERGED", "ERR_EXPORT_MISMATCH", "ERR_SPLIT", "ERR_LABELS"];

function failure(key: string, error: unknown): CellFailure {
  if (!(error instanceof FlowglyphError) || !OWN_FAILURES.includes(error.code)) throw error;
  const { code, message } = error;
  return { formatVersion: 1, key, failed: { code, message }, finished: new Date().toISOString() };
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

/** Cells of other images would stand in the same tables under the same keys. */
function checkDigests(
  sets: ReadonlyMap<ImageSetName, LoadedSet>,
  stored: ReadonlyMap<string, StoredCell>,
  out: string,
): void {
  const digests = new Map([...sets].map(([name, { dataset }]) => [name as string, datasetDigest(dataset)]));
  for (const cell of stored.values()) {
    if (!isFinished(cell)) continue;
    const digest = digests.get(cell.set);
    if (digest !== undefined && digest !== cell.datasetSha256) {
      throw new FlowglyphError(
        "ERR_ARGUMENT",
        `Expected ${out} to hold cells of these images, but those of ${cell.set} were computed on others (or with --quick); name another folder`,
      );
    }
  }
}
