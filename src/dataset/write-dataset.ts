// A dataset to a folder, in any of the formats: never over what is not ours, and the old one stays until the new one is whole.
import { mkdir, readdir, rename, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { FlowglyphError } from "../../bindings/errors.ts";
import { systemReason } from "../system-error.ts";
import { ARROW_FILE, writeArrowFile } from "./arrow.ts";
import type { BlockedDataset } from "./blocks.ts";
import { manifestOf } from "./dataset.ts";
import { looksLikeIdx, writeIdxFolder } from "./idx.ts";
import { MANIFEST_FILE, writeManifest } from "./manifest.ts";
import { writeNpz } from "./npz.ts";

export const DATASET_FORMATS = ["arrow", "idx", "npz"] as const;
export type DatasetFormat = (typeof DATASET_FORMATS)[number];
export const NPZ_FILE = "dataset.npz";

const isDatasetFile = (name: string): boolean =>
  [ARROW_FILE, NPZ_FILE, MANIFEST_FILE, "classes.json"].includes(name) ||
  name.endsWith(".partial") ||
  looksLikeIdx([name]);

/** Refuses a folder that holds anything but a dataset of ours. */
export async function checkOut(out: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(out);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return;
    if (code === "ENOTDIR") {
      throw new FlowglyphError(
        "ERR_IO",
        `Cannot write the dataset ${out}: it is a file, or below one; name a folder`,
        {
          cause: error,
        },
      );
    }
    throw new FlowglyphError("ERR_IO", `Cannot write the dataset ${out}: ${systemReason(error)}`, {
      cause: error,
    });
  }
  const foreign = names.find((name) => !isDatasetFile(name));
  if (foreign !== undefined) {
    throw new FlowglyphError(
      "ERR_ARGUMENT",
      `Expected the output folder to be new, empty or a dataset (which is replaced) but ${out} holds ${foreign}; name another`,
    );
  }
  // IDX files without a manifest are not of our making.
  if (looksLikeIdx(names) && !names.includes(MANIFEST_FILE)) {
    throw new FlowglyphError(
      "ERR_ARGUMENT",
      `Expected the output folder to be new, empty or a dataset with ${MANIFEST_FILE} but ${out} holds IDX files alone; name another`,
    );
  }
}

/** The new dataset is written beside the old one, which a full disk or a kill therefore leaves as it was. */
export async function replaceDataset(
  out: string,
  format: DatasetFormat,
  dataset: BlockedDataset,
): Promise<void> {
  const staging = join(out, "new.partial");
  try {
    await rm(staging, { recursive: true, force: true });
    await mkdir(staging);
    await writeDataset(staging, format, dataset);
    // The manifest goes first and comes last: a folder that has one is whole.
    await rm(join(out, MANIFEST_FILE), { force: true });
    const old = (await readdir(out)).filter((name) => isDatasetFile(name) && join(out, name) !== staging);
    for (const name of old) await rm(join(out, name), { recursive: true });
    const made = (await readdir(staging)).filter((name) => name !== MANIFEST_FILE);
    for (const name of [...made, MANIFEST_FILE]) await rename(join(staging, name), join(out, name));
    await rmdir(staging);
  } catch (error) {
    await rm(staging, { recursive: true, force: true }).catch(() => undefined);
    if (error instanceof FlowglyphError) throw error;
    throw new FlowglyphError("ERR_IO", `Cannot write the dataset ${out}: ${systemReason(error)}`, {
      cause: error,
    });
  }
}

async function writeDataset(folder: string, format: DatasetFormat, dataset: BlockedDataset): Promise<void> {
  if (format === "idx") {
    await writeIdxFolder(dataset, folder);
    return;
  }
  if (format === "arrow") await writeArrowFile(join(folder, ARROW_FILE), dataset);
  else await writeNpz(join(folder, NPZ_FILE), dataset);
  await writeManifest(join(folder, MANIFEST_FILE), manifestOf(dataset));
}
