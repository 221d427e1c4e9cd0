// A dataset that exists, in another format or under a mask: published IDX files to Arrow with a manifest, Arrow to IDX or npz.
import { resolve } from "node:path";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import type { Mask, Order, View } from "../capture/names.ts";
import { type Decap, type ProtocolList, resolveCaptureOptions } from "../capture/options.ts";
import { makeFolder } from "../output-path.ts";
import { asBlocks } from "./blocks.ts";
import { manifestOf } from "./dataset.ts";
import { maskDataset } from "./mask-dataset.ts";
import { beginLikePcap } from "./mask-images.ts";
import { openDataset } from "./open.ts";
import type { DatasetManifest } from "./types.ts";
import { checkOut, DATASET_FORMATS, type DatasetFormat, replaceDataset } from "./write-dataset.ts";

export interface ConvertOptions {
  /** Folder to write: new, empty, or a dataset that flowglyph wrote (which is replaced). */
  readonly out: string;
  /** `arrow` by default. */
  readonly format?: DatasetFormat | undefined;
  /**
   * What the images are, where the dataset does not say it (IDX files of others). A view that nobody says is `pcap` where every
   * image begins with a pcap file header; their mask is then `none`.
   */
  readonly view?: View | undefined;
  readonly order?: Order | undefined;
  readonly decap?: Decap | undefined;
  readonly protocols?: ProtocolList | undefined;
  /** What the images are to be: those that have no mask yet are masked, which view `pcap` or `l3` must be known for. */
  readonly mask?: Mask | undefined;
  /** Threads that mask; the result does not depend on it. */
  readonly threads?: number | "auto" | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes the dataset in folder `path` (IDX or Arrow) in another format: the same rows in the same order, a given test part
 * kept. Nothing is removed, unless a mask is applied to images that had none: then duplicates are, after masking (see
 * `maskDataset`).
 * @throws FlowglyphError ERR_ARGUMENT (bad option; a view, mask or order that contradicts the dataset's; images that are not of
 *   the view that a mask is for), ERR_DATASET_FORMAT, ERR_IO, ERR_ABORTED
 */
export async function convertDataset(path: string, options: ConvertOptions): Promise<DatasetManifest> {
  const { out, format = "arrow", view, mask, order, decap, protocols, threads, signal } = options;
  if (typeof out !== "string" || out === "") throw invalidArgument("out", "a folder to write", out);
  if (!DATASET_FORMATS.includes(format))
    throw invalidArgument("format", `one of ${DATASET_FORMATS.join(", ")}`, format);
  resolveCaptureOptions({ view, mask, order, decap, protocols, threads });
  if (resolve(out) === resolve(path))
    throw invalidArgument("out", "another folder than the dataset's own", out);
  const read = await openDataset(path);
  const known = read.manifest;
  const told = declared("view", view, known.view);
  const isPcap = told === "unknown" && beginLikePcap(read.images);
  const manifest: DatasetManifest = {
    ...known,
    view: isPcap ? "pcap" : told,
    mask: isPcap && known.mask === "unknown" ? "none" : known.mask,
    order: declared("order", order, known.order),
    decap: declared("decap", decap, known.decap),
    protocols: declared("protocols", protocols, known.protocols),
    source: path,
  };
  const declaredDataset = { ...read, manifest };
  const applies = mask !== undefined && mask !== "none" && mask !== manifest.mask;
  const dataset = applies
    ? await maskDataset(declaredDataset, mask, { threads, signal })
    : { ...declaredDataset, manifest: { ...manifest, mask: declared("mask", mask, manifest.mask) } };
  await checkOut(out);
  const undoFolder = await makeFolder(out);
  try {
    await replaceDataset(out, format, asBlocks(dataset));
    return manifestOf(dataset);
  } catch (error) {
    await undoFolder();
    throw error;
  }
}

function declared<T>(name: string, given: T | undefined, known: T | "unknown"): T | "unknown" {
  if (given === undefined || String(given) === String(known)) return known;
  if (known === "unknown") return given;
  throw new FlowglyphError(
    "ERR_ARGUMENT",
    `Expected ${name} ${known}, which the dataset's images have, but received ${given}: a dataset is converted, not encoded anew`,
  );
}
