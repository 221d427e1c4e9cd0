// A dataset from a path, whichever of the two kinds it is.
import { readdir, stat } from "node:fs/promises";
import { FlowglyphError } from "../../bindings/errors.ts";
import { looksLikeIdx, readIdxFolder } from "./idx.ts";
import type { Dataset } from "./types.ts";

/**
 * Opens a folder with manifest.json + sessions.arrow, or a folder of IDX files.
 * @throws FlowglyphError ERR_IO (no such folder), ERR_DATASET_FORMAT
 */
export async function openDataset(path: string): Promise<Dataset> {
  const names = await folderNames(path);
  if (looksLikeIdx(names)) return readIdxFolder(path);
  throw new FlowglyphError(
    "ERR_DATASET_FORMAT",
    `${path}: expected a dataset (manifest.json and sessions.arrow, or IDX files such as train-images-idx3-ubyte.gz) but the folder holds ${describe(names)}`,
  );
}

async function folderNames(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) {
      throw new FlowglyphError(
        "ERR_DATASET_FORMAT",
        `${path}: expected the folder of a dataset but it is a file`,
      );
    }
    return await readdir(path);
  } catch (error) {
    if (error instanceof FlowglyphError) throw error;
    throw new FlowglyphError("ERR_IO", `Cannot open dataset ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function describe(names: readonly string[]): string {
  if (names.length === 0) return "nothing";
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
