// A dataset from a path, whichever of the two kinds it is.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { FlowglyphError } from "../../bindings/errors.ts";
import { systemReason } from "../system-error.ts";
import { ARROW_FILE, readArrowFile } from "./arrow.ts";
import { looksLikeIdx, readIdxFolder } from "./idx.ts";
import { MANIFEST_FILE, readManifestIfPresent } from "./manifest.ts";
import type { Dataset } from "./types.ts";

/**
 * Opens a folder with manifest.json + sessions.arrow, or a folder of IDX files.
 * @throws FlowglyphError ERR_IO (no such folder), ERR_DATASET_FORMAT
 */
export async function openDataset(path: string): Promise<Dataset> {
  const names = await folderNames(path);
  if (names.includes(ARROW_FILE)) return openArrowFolder(path);
  if (looksLikeIdx(names)) return readIdxFolder(path);
  throw new FlowglyphError(
    "ERR_DATASET_FORMAT",
    `${path}: expected a dataset (manifest.json and sessions.arrow, or IDX files such as train-images-idx3-ubyte.gz) but the folder holds ${describe(names)}`,
  );
}

/** Whether `path` is a folder that `openDataset` takes for a dataset, by the names in it. */
export async function isDatasetFolder(path: string): Promise<boolean> {
  try {
    const names = await readdir(path);
    return names.includes(ARROW_FILE) || looksLikeIdx(names);
  } catch {
    return false;
  }
}

async function openArrowFolder(folder: string): Promise<Dataset> {
  const manifest = await readManifestIfPresent(folder);
  if (manifest === undefined) {
    // The manifest is written last: without it the dataset was not finished.
    throw new FlowglyphError(
      "ERR_DATASET_FORMAT",
      `${folder}: expected ${MANIFEST_FILE} beside ${ARROW_FILE} but it is missing`,
    );
  }
  const content = await readArrowFile(join(folder, ARROW_FILE));
  if (content.count !== manifest.images) {
    throw new FlowglyphError(
      "ERR_DATASET_FORMAT",
      `${folder}: ${MANIFEST_FILE} says ${manifest.images} images but ${ARROW_FILE} holds ${content.count}`,
    );
  }
  if (JSON.stringify(content.classes) !== JSON.stringify(manifest.classes)) {
    throw new FlowglyphError(
      "ERR_DATASET_FORMAT",
      `${folder}: ${MANIFEST_FILE} and ${ARROW_FILE} name different classes`,
    );
  }
  return { ...content, manifest };
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
    throw new FlowglyphError("ERR_IO", `Cannot open dataset ${path}: ${systemReason(error)}`, {
      cause: error,
    });
  }
}

function describe(names: readonly string[]): string {
  if (names.length === 0) return "nothing";
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
