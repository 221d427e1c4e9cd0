// Captures -> dataset on disk: sessions are read, labelled, freed of duplicates after masking, and written.
import { mkdir, readdir, rename, rm, rmdir } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import {
  CAPTURE_DEFAULTS,
  type CaptureOptions,
  type CaptureSummary,
  type InputCapture,
  listCaptures,
  type SessionBatch,
  sessionAddress,
  sessions,
} from "../capture/index.ts";
import { makeFolder } from "../output-path.ts";
import { systemReason } from "../system-error.ts";
import { addressKeyAt } from "./address-key.ts";
import { ARROW_FILE, writeArrowFile } from "./arrow.ts";
import type { BlockedDataset } from "./blocks.ts";
import { SessionCollector } from "./collector.ts";
import { manifestOf } from "./dataset.ts";
import { looksLikeIdx, writeIdxFolder } from "./idx.ts";
import { folderLabeller, type Labeller, readLabelFile, ruleLabeller } from "./labels.ts";
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
  /** Files that are damaged or no captures, label rules that fit no session, classes without an image, no label at all. */
  readonly warnings: readonly string[];
}

/**
 * Makes a dataset from captures. Duplicates are removed after masking: the first session with an image stays (see
 * SessionCollector for labels that disagree). The capture file is the capture group. A dataset that is replaced stays until
 * the new one is whole.
 * @param inputs capture files and folders; files in folders that are no captures are left out, with a warning
 * @throws FlowglyphError ERR_ARGUMENT, ERR_IO, ERR_LABELS, ERR_CAPTURE_FORMAT, ERR_ABORTED
 */
export async function buildDataset(
  inputs: string | readonly string[],
  options: BuildOptions,
): Promise<BuildResult> {
  const { out, format = "arrow", labels } = options;
  if (typeof out !== "string" || out === "") throw invalidArgument("out", "a folder to write", out);
  if (!DATASET_FORMATS.includes(format))
    throw invalidArgument("format", `one of ${DATASET_FORMATS.join(", ")}`, format);
  const rules = labels === undefined ? undefined : await readLabelFile(labels);
  const { captures, warnings: leftOut } = await listCaptures(inputs);
  const labeller =
    rules === undefined
      ? folderLabeller(captures)
      : ruleLabeller(
          rules,
          captures.map(({ path }) => path),
        );
  await checkOut(out);
  const undoFolder = await makeFolder(out);
  try {
    const { dataset, summary, emptyClasses } = await gather(captures, labeller, leftOut, inputs, options);
    await replaceDataset(out, format, dataset);
    const warnings = [
      ...(dataset.manifest.captureWarnings ?? []),
      ...evictionWarnings(summary),
      ...labeller.unmatched().map((rule) => `${labels}: ${rule}`),
      ...emptyClasses.map((name) => `class ${JSON.stringify(name)} has no image and was left out`),
      ...(dataset.classes.length === 0
        ? [
            "no session has a label, so nothing can be trained on them: give a folder captures/<class>/*.pcap, or a label file",
          ]
        : []),
    ];
    return { manifest: manifestOf(dataset), warnings };
  } catch (error) {
    await undoFolder();
    throw error;
  }
}

/** Reads the captures into a dataset in memory. */
async function gather(
  captures: readonly InputCapture[],
  labeller: Labeller,
  leftOut: readonly string[],
  inputs: string | readonly string[],
  options: BuildOptions,
): Promise<{
  dataset: BlockedDataset;
  summary: CaptureSummary | undefined;
  emptyClasses: readonly string[];
}> {
  const paths = captures.map(({ path }) => path);
  const extraction = {
    view: options.view ?? CAPTURE_DEFAULTS.view,
    mask: options.mask ?? CAPTURE_DEFAULTS.mask,
    idleTimeout: options.idleTimeout ?? CAPTURE_DEFAULTS.idleTimeout,
    activeTimeout: options.activeTimeout ?? CAPTURE_DEFAULTS.activeTimeout,
  };
  const { memoryBytes, signal, onProgress, out } = options;
  let summary: CaptureSummary | undefined;
  const collector = new SessionCollector();
  for await (const batch of sessions(paths, {
    ...extraction,
    memoryBytes,
    signal,
    onProgress,
    onSummary: (read) => {
      summary = read;
    },
  })) {
    collector.add(batch, {
      label: (row) => labelOf(labeller, batch, row),
      group: (row) => batch.captureGroup[row]!,
      address: (side, row) => sessionAddress(batch, side, row),
    });
  }
  const groupNames = captureNames(captures);
  const { dataset, emptyClasses } = collector.finish(labeller.classes, groupNames);
  if (dataset.count === 0) {
    throw new FlowglyphError(
      "ERR_CAPTURE_FORMAT",
      `Expected at least one TCP or UDP session in ${paths.length} captures (the first is ${paths[0]}) but found none${skippedText(summary)}`,
    );
  }
  const manifest: DatasetManifest = {
    ...dataset.manifest,
    ...extraction,
    captures: groupNames,
    source: [inputs].flat().join(" "),
    capturePaths: paths.map((path) => (path === "-" ? path : relative(resolve(out), resolve(path)))),
    ...(summary && {
      packets: summary.packets,
      sessionPackets: summary.sessionPackets,
      skipped: summary.skipped,
    }),
    captureWarnings: [...leftOut, ...(summary?.warnings ?? [])],
  };
  return { dataset: { ...dataset, manifest }, summary, emptyClasses };
}

function skippedText(summary: CaptureSummary | undefined): string {
  const reasons = Object.entries(summary?.skipped ?? {}).map(([reason, count]) => `${reason} ${count}`);
  return reasons.length === 0 ? "" : `; skipped: ${reasons.join(", ")}`;
}

function evictionWarnings(summary: CaptureSummary | undefined): string[] {
  if (!summary?.evictedSessions) return [];
  return [`${summary.evictedSessions} sessions were ended early to keep memory within bounds`];
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
async function replaceDataset(out: string, format: DatasetFormat, dataset: BlockedDataset): Promise<void> {
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
