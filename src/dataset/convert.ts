// A dataset that exists, in another format: published IDX files to Arrow with a manifest, Arrow to IDX or npz.
import { resolve } from "node:path";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import { MASKS, type Mask, ORDERS, type Order, VIEWS, type View } from "../capture/names.ts";
import { makeFolder } from "../output-path.ts";
import { asBlocks } from "./blocks.ts";
import { openDataset } from "./open.ts";
import type { DatasetManifest } from "./types.ts";
import { checkOut, DATASET_FORMATS, type DatasetFormat, replaceDataset } from "./write-dataset.ts";

export interface ConvertOptions {
  /** Folder to write: new, empty, or a dataset that flowglyph wrote (which is replaced). */
  readonly out: string;
  /** `arrow` by default. */
  readonly format?: DatasetFormat | undefined;
  /** What the images are, where the dataset does not say it (IDX files of others). Images are not changed. */
  readonly view?: View | undefined;
  readonly mask?: Mask | undefined;
  readonly order?: Order | undefined;
}

/**
 * Writes the dataset in folder `path` (IDX or Arrow) in another format: the same rows in the same order, nothing removed, a
 * given test part kept.
 * @throws FlowglyphError ERR_ARGUMENT (bad option, or a view, mask or order that contradicts the dataset's), ERR_DATASET_FORMAT, ERR_IO
 */
export async function convertDataset(path: string, options: ConvertOptions): Promise<DatasetManifest> {
  const { out, format = "arrow", view, mask, order } = options;
  if (typeof out !== "string" || out === "") throw invalidArgument("out", "a folder to write", out);
  if (!DATASET_FORMATS.includes(format))
    throw invalidArgument("format", `one of ${DATASET_FORMATS.join(", ")}`, format);
  if (view !== undefined && !VIEWS.includes(view))
    throw invalidArgument("view", `one of ${VIEWS.join(", ")}`, view);
  if (mask !== undefined && !MASKS.includes(mask))
    throw invalidArgument("mask", `one of ${MASKS.join(", ")}`, mask);
  if (order !== undefined && !ORDERS.includes(order))
    throw invalidArgument("order", `one of ${ORDERS.join(", ")}`, order);
  if (resolve(out) === resolve(path))
    throw invalidArgument("out", "another folder than the dataset's own", out);
  const dataset = await openDataset(path);
  const manifest: DatasetManifest = {
    ...dataset.manifest,
    view: declared("view", view, dataset.manifest.view),
    mask: declared("mask", mask, dataset.manifest.mask),
    order: declared("order", order, dataset.manifest.order),
    source: path,
  };
  await checkOut(out);
  const undoFolder = await makeFolder(out);
  try {
    await replaceDataset(out, format, asBlocks({ ...dataset, manifest }));
    return manifest;
  } catch (error) {
    await undoFolder();
    throw error;
  }
}

function declared<T extends string>(name: string, given: T | undefined, known: T | "unknown"): T | "unknown" {
  if (given === undefined || given === known) return known;
  if (known === "unknown") return given;
  throw new FlowglyphError(
    "ERR_ARGUMENT",
    `Expected ${name} ${known}, which the dataset's images have, but received ${given}: a dataset is converted, not encoded anew`,
  );
}
