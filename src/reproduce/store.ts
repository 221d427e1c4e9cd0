// The output folder: OUT/cells/KEY.json for each finished cell, OUT/runs/KEY for one that is under way, OUT/pretrainings/KEY
// for the weights that several cells start from.
import { open, readdir, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { FlowglyphError } from "../../bindings/errors.ts";
import { makeFolder } from "../output-path.ts";
import { systemReason } from "../system-error.ts";
import { writeJson } from "../training/atomic-file.ts";
import { runPath } from "../training/index.ts";
import type { CellFailure, CellResult, PretrainingResult } from "./result.ts";

export type StoredCell = CellResult | CellFailure;

export const isFinished = (cell: StoredCell | undefined): cell is CellResult =>
  cell !== undefined && !("failed" in cell);

export const runFolder = (out: string, key: string): string => join(out, "runs", key);

export const pretrainingFolder = (out: string, key: string): string => join(out, "pretrainings", key);

const PRETRAINING_FILE = "pretraining.json";

/** Undefined where it is not finished. */
export async function readPretraining(folder: string): Promise<PretrainingResult | undefined> {
  const path = join(folder, PRETRAINING_FILE);
  try {
    return JSON.parse(await readFile(path, "utf8")) as PretrainingResult;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new FlowglyphError("ERR_IO", `Cannot read ${path}: ${systemReason(cause)}`, { cause });
  }
}

/** The weights stay; what only continuing the training needs goes. */
export async function savePretraining(folder: string, result: PretrainingResult): Promise<void> {
  await writeJson(join(folder, PRETRAINING_FILE), result);
  for (const file of ["checkpoint", "model", "split"] as const)
    await rm(runPath(folder, file), { force: true });
}

export async function forgetPretrainings(out: string): Promise<void> {
  await rm(join(out, "pretrainings"), { recursive: true, force: true });
}

export async function saveCell(out: string, cell: StoredCell): Promise<void> {
  await makeFolder(join(out, "cells"));
  await writeJson(join(out, "cells", `${cell.key}.json`), cell);
}

/** Every cell of the folder, by key; none where there is no such folder. @throws ERR_IO for a file that is none of ours */
export async function readCells(out: string): Promise<Map<string, StoredCell>> {
  const cells = new Map<string, StoredCell>();
  for (const name of (await names(join(out, "cells"))).filter((file) => file.endsWith(".json"))) {
    const path = join(out, "cells", name);
    const cell = await readCell(path);
    if (cell.formatVersion !== 1 || `${cell.key}.json` !== name) {
      throw new FlowglyphError("ERR_IO", `Cannot read ${path}: it is no result of a cell, format 1`);
    }
    cells.set(cell.key, cell);
  }
  return cells;
}

async function readCell(path: string): Promise<StoredCell> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as StoredCell;
  } catch (cause) {
    throw new FlowglyphError("ERR_IO", `Cannot read ${path}: ${systemReason(cause)}`, { cause });
  }
}

async function names(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new FlowglyphError("ERR_IO", `Cannot read ${folder}: ${systemReason(cause)}`, { cause });
  }
}

/** Keys of what was begun there and not finished, or is kept for what is to come. */
export async function begunRuns(out: string): Promise<string[]> {
  return [...(await names(join(out, "runs"))), ...(await names(join(out, "pretrainings")))];
}

/**
 * Keeps a second process from the folder; resolves to what opens it again. A lock whose process is gone is taken over.
 * @throws ERR_ARGUMENT where another process works there
 */
export async function lockFolder(out: string): Promise<() => Promise<void>> {
  const path = join(out, "lock");
  const own = `${process.pid} ${hostname()}`;
  for (;;) {
    try {
      const file = await open(path, "wx");
      await file.writeFile(own);
      await file.close();
      return () => rm(path, { force: true });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") {
        throw new FlowglyphError("ERR_IO", `Cannot write ${path}: ${systemReason(cause)}`, { cause });
      }
    }
    const [pid = "", host = ""] = (await readFile(path, "utf8").catch(() => "")).split(" ");
    if (host !== hostname() ? host !== "" : await isAlive(Number(pid))) {
      throw new FlowglyphError(
        "ERR_ARGUMENT",
        `Process ${pid} on ${host} is writing to ${out}: wait for it, or name another folder (if it is gone, remove ${path})`,
      );
    }
    await rm(path, { force: true });
  }
}

async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  // A container's first process may never fetch those that were killed: they answer, and are dead. Linux says so after the
  // name in parentheses, which may hold anything.
  const state = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return !/^ [ZX]/.test(state.slice(state.lastIndexOf(")") + 1));
}
