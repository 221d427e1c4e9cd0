// Captures -> dataset on disk: sessions are read, labelled, freed of duplicates after masking, and written.
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import {
  CAPTURE_DEFAULTS,
  type CaptureOptions,
  expandInputs,
  type SessionBatch,
  sessionAddress,
  sessions,
} from "../capture/index.ts";
import { addressKeyAt } from "./address-key.ts";
import { ARROW_FILE, writeArrowFile } from "./arrow.ts";
import type { BlockedDataset } from "./blocks.ts";
import { SessionCollector } from "./collector.ts";
import { manifestOf } from "./dataset.ts";
import { looksLikeIdx, writeIdxFolder } from "./idx.ts";
import { folderLabeller, type InputCapture, type Labeller, readLabelFile, ruleLabeller } from "./labels.ts";
import { MANIFEST_FILE, writeManifest } from "./manifest.ts";
import { writeNpz } from "./npz.ts";
import type { DatasetManifest } from "./types.ts";

export const DATASET_FORMATS = ["arrow", "idx", "npz"] as const;
export type DatasetFormat = (typeof DATASET_FORMATS)[number];
export const NPZ_FILE = "dataset.npz";

export interface BuildOptions
  extends Pick<
    CaptureOptions,
    "view" | "mask" | "idleTimeout" | "activeTimeout" | "memoryBytes" | "signal" | "onProgress"
  > {
  /** Folder to write: new, empty, or a dataset that flowglyph wrote (which is replaced). */
  readonly out: string;
  /** `arrow` by default. `idx` keeps images and labels alone; `npz` is for numpy and is not opened by flowglyph. */
  readonly format?: DatasetFormat | undefined;
  /** A label file (CSV). Without one, the name of a capture's folder is its class. */
  readonly labels?: string | undefined;
}

export interface BuildResult {
  readonly manifest: DatasetManifest;
  /** Label rules that fit no session, classes without an image. */
  readonly warnings: readonly string[];
}

/**
 * Makes a dataset from captures. Duplicates are removed after masking: the first session with an image stays (see
 * SessionCollector for labels that disagree). The capture file is the capture group.
 * @param inputs capture files and folders
 * @throws FlowglyphError ERR_ARGUMENT, ERR_IO, ERR_LABELS, ERR_CAPTURE_FORMAT, ERR_ABORTED
 */
export async function buildDataset(
  inputs: string | readonly string[],
  options: BuildOptions,
): Promise<BuildResult> {
  const { out, format = "arrow", labels, signal, onProgress } = options;
  if (typeof out !== "string" || out === "") throw invalidArgument("out", "a folder to write", out);
  if (!DATASET_FORMATS.includes(format))
    throw invalidArgument("format", `one of ${DATASET_FORMATS.join(", ")}`, format);
  const rules = labels === undefined ? undefined : await readLabelFile(labels);
  const captures = await inputCaptures(inputs);
  const paths = captures.map(({ path }) => path);
  const labeller = rules === undefined ? folderLabeller(captures) : ruleLabeller(rules, paths);
  await checkOut(out);

  const extraction = {
    view: options.view ?? CAPTURE_DEFAULTS.view,
    mask: options.mask ?? CAPTURE_DEFAULTS.mask,
    idleTimeout: options.idleTimeout ?? CAPTURE_DEFAULTS.idleTimeout,
    activeTimeout: options.activeTimeout ?? CAPTURE_DEFAULTS.activeTimeout,
  };
  const collector = new SessionCollector();
  for await (const batch of sessions(paths, {
    ...extraction,
    memoryBytes: options.memoryBytes,
    signal,
    onProgress,
  })) {
    collector.add(batch, {
      label: (row) => labelOf(labeller, batch, row),
      group: (row) => batch.captureGroup[row]!,
      address: (side, row) => sessionAddress(batch, side, row),
    });
  }
  const groupNames = captureNames(captures);
  const { dataset: gathered, emptyClasses } = collector.finish(labeller.classes, groupNames);
  if (gathered.count === 0) {
    throw new FlowglyphError(
      "ERR_CAPTURE_FORMAT",
      `Expected at least one TCP or UDP session in ${paths.length} captures (the first is ${paths[0]}) but found none`,
    );
  }
  const made = {
    ...gathered.manifest,
    ...extraction,
    captures: groupNames,
    source: [inputs].flat().join(" "),
  };
  const dataset: BlockedDataset = { ...gathered, manifest: made };
  await replaceDataset(out, format, dataset);
  const warnings = [
    ...labeller.unmatched().map((rule) => `${labels}: ${rule}`),
    ...emptyClasses.map((name) => `class ${JSON.stringify(name)} has no image and was left out`),
  ];
  return { manifest: manifestOf(dataset), warnings };
}

function labelOf(labeller: Labeller, batch: SessionBatch, row: number): number {
  return labeller.labelOf(batch.captureGroup[row]!, () => ({
    protocol: batch.protocol[row]!,
    initiator: addressKeyAt(batch.ipVersion[row]!, batch.initiatorAddress, row),
    initiatorPort: batch.initiatorPort[row]!,
    responder: addressKeyAt(batch.ipVersion[row]!, batch.responderAddress, row),
    responderPort: batch.responderPort[row]!,
  }));
}

async function inputCaptures(inputs: string | readonly string[]): Promise<InputCapture[]> {
  await expandInputs(inputs); // refuses what is no list of inputs, once, for all of them
  const captures: InputCapture[] = [];
  for (const input of [inputs].flat()) {
    const isFolder = input !== "-" && (await stat(input)).isDirectory();
    for (const path of await expandInputs([input]))
      captures.push({ path, root: isFolder ? input : undefined });
  }
  return captures;
}

/** Names of capture groups: paths below the input folder's parent, or as given where that would name two alike. */
function captureNames(captures: readonly InputCapture[]): string[] {
  const short = captures.map(({ path, root }) =>
    root === undefined ? basename(path) : join(basename(root), relative(root, path)),
  );
  return new Set(short).size === short.length ? short : captures.map(({ path }) => path);
}

const isDatasetFile = (name: string): boolean =>
  [ARROW_FILE, NPZ_FILE, MANIFEST_FILE, "classes.json"].includes(name) ||
  name.endsWith(".partial") ||
  looksLikeIdx([name]);

/** Refuses a folder that holds anything but a dataset of ours. */
async function checkOut(out: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(out);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw new FlowglyphError("ERR_IO", `Cannot write the dataset ${out}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const foreign = names.find((name) => !isDatasetFile(name));
  if (foreign !== undefined) {
    throw new FlowglyphError(
      "ERR_ARGUMENT",
      `Expected out to be a new or empty folder or a dataset but ${out} holds ${foreign}`,
    );
  }
  // IDX files without a manifest are not of our making.
  if (looksLikeIdx(names) && !names.includes(MANIFEST_FILE)) {
    throw new FlowglyphError(
      "ERR_ARGUMENT",
      `Expected out to be a new or empty folder or a dataset with ${MANIFEST_FILE} but ${out} holds IDX files alone`,
    );
  }
}

async function replaceDataset(out: string, format: DatasetFormat, dataset: BlockedDataset): Promise<void> {
  try {
    await mkdir(out, { recursive: true });
    // The manifest goes first and comes last: a folder that has one is whole.
    await rm(join(out, MANIFEST_FILE), { force: true });
    for (const name of (await readdir(out)).filter(isDatasetFile)) await rm(join(out, name));
  } catch (error) {
    throw new FlowglyphError("ERR_IO", `Cannot write the dataset ${out}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (format === "idx") {
    await writeIdxFolder(dataset, out);
    return;
  }
  if (format === "arrow") await writeArrowFile(join(out, ARROW_FILE), dataset);
  else await writeNpz(join(out, NPZ_FILE), dataset);
  await writeManifest(join(out, MANIFEST_FILE), manifestOf(dataset));
}
