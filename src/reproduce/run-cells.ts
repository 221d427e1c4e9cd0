// Cells run into a folder that can be left and come back to at any time: what `reproduce` and `compare` share. Which cells
// there are, and what is reported of them, is theirs.
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import { makeFolder } from "../output-path.ts";
import { datasetDigest, type TrainingConfig, type TrainingProgress } from "../training/index.ts";
import { type Cell, pretrainingKey, type Trial } from "./cells.ts";
import { type Estimator, makeEstimator, secondsOf } from "./estimate.ts";
import { executeCell, forgetRun } from "./execute.ts";
import type { LoadedSet } from "./image-sets.ts";
import { describeMachine } from "./machine.ts";
import type { CellFailure, CellResult } from "./result.ts";
import { isFinished, lockFolder, type StoredCell, saveCell } from "./store.ts";

export interface RunCellsOptions {
  /** Go on in a folder that holds cells. */
  readonly resume?: boolean | undefined;
  readonly device?: TrainingConfig["device"] | undefined;
  readonly threads?: number | undefined;
  /** No cell is begun after this many hours; 0 only writes the reports anew. */
  readonly maxHours?: number | undefined;
  /** Stops within a step: the cell under way keeps its checkpoint. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: RunProgress) => void;
  readonly onCell?: (cell: Cell, result: CellResult | CellFailure, progress: GridProgress) => void;
}

export interface GridProgress {
  readonly done: number;
  readonly cells: number;
  /** Estimated, of all cells that are not done. */
  readonly secondsLeft: number;
}

export interface RunProgress extends GridProgress {
  readonly cell: Cell;
  readonly training: TrainingProgress;
}

/** What is to be run, and what of it is done. */
export interface CellsToRun<Reported> extends RunCellsOptions {
  readonly out: string;
  /** In the order in which they are run. */
  readonly cells: readonly Cell[];
  /** Grows by each cell that is done. */
  readonly stored: Map<string, StoredCell>;
  /** Keys of cells and pre-trainings that were begun. */
  readonly begun: readonly string[];
  readonly setOf: (trial: Trial) => LoadedSet;
  /** At the end, and where the run is stopped. */
  readonly writeReports: () => Promise<Reported>;
}

export function estimatorOf(cells: readonly Cell[], stored: ReadonlyMap<string, StoredCell>): Estimator {
  return makeEstimator(
    cells.flatMap(({ key, trial }) => {
      const result = stored.get(key);
      return isFinished(result) ? [{ trial, result }] : [];
    }),
  );
}

/**
 * Runs what is not done yet, in the order given. Each finished cell is kept at once; the one under way goes on from its
 * checkpoint next time. A cell that ends in an error of its own is recorded and the next one begun.
 * @throws ERR_ABORTED (the reports are written all the same); ERR_ARGUMENT where the folder holds cells and nobody said
 *   `resume`; ERR_TORCH_MISSING, ERR_DEVICE, ERR_IO
 */
export async function runCells<Reported>(run: CellsToRun<Reported>): Promise<Reported> {
  const { out, cells, stored, setOf, signal, maxHours = Number.POSITIVE_INFINITY } = run;
  if (!(maxHours >= 0)) throw invalidArgument("maxHours", "a number, 0 or more", maxHours);
  if (run.resume !== true && (stored.size > 0 || run.begun.length > 0)) {
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
    let { begun } = run;
    let estimate = estimatorOf(cells, stored);
    const missing = cells.filter(({ key }) => !isFinished(stored.get(key)));
    for (const [i, cell] of missing.entries()) {
      if (performance.now() >= end || signal?.aborted) break;
      const progress = (done: number): GridProgress => ({
        done: cells.length - missing.length + done,
        cells: cells.length,
        secondsLeft: secondsOf(missing.slice(done), begun, estimate),
      });
      const execution = {
        out,
        machine,
        device: run.device ?? "auto",
        threads: run.threads,
        signal,
        onProgress: (training: TrainingProgress) => run.onProgress?.({ ...progress(i), cell, training }),
      };
      const result = await executeCell(cell, setOf(cell.trial), execution).catch(async (error: unknown) => {
        if (error instanceof FlowglyphError && error.code === "ERR_ABORTED") await run.writeReports();
        return failure(cell.key, error);
      });
      await saveCell(out, result);
      await forgetRun(out, cell.key);
      stored.set(cell.key, result);
      estimate = estimatorOf(cells, stored);
      begun = [...begun, pretrainingKey(cell.trial, cell.seed)];
      run.onCell?.(cell, result, progress(i + 1));
    }
    const reported = await run.writeReports();
    if (signal?.aborted) {
      throw new FlowglyphError("ERR_ABORTED", "The grid was stopped between two cells", {
        cause: signal.reason,
      });
    }
    return reported;
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

/** Cells of other images would stand in the same tables under the same keys. */
export function checkDigests(
  sets: ReadonlyMap<string, LoadedSet>,
  stored: ReadonlyMap<string, StoredCell>,
  out: string,
): void {
  const digests = new Map([...sets].map(([name, { dataset }]) => [name, datasetDigest(dataset)]));
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
