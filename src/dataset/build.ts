// Captures -> dataset on disk: sessions are read, labelled, freed of duplicates after masking, and written.
import { basename, join, relative, resolve } from "node:path";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import {
  type CaptureOptions,
  type CaptureSummary,
  type InputCapture,
  listCaptures,
  resolveCaptureOptions,
  type SessionBatch,
  sessionAddress,
  sessions,
} from "../capture/index.ts";
import { makeFolder } from "../output-path.ts";
import { addressKeyAt } from "./address-key.ts";
import type { BlockedDataset } from "./blocks.ts";
import { SessionCollector } from "./collector.ts";
import { manifestOf } from "./dataset.ts";
import { folderLabeller, type Labeller, readLabelFile, ruleLabeller } from "./labels.ts";
import type { DatasetManifest } from "./types.ts";
import { checkOut, DATASET_FORMATS, type DatasetFormat, replaceDataset } from "./write-dataset.ts";

export interface BuildOptions extends Omit<CaptureOptions, "batchSize" | "onSummary"> {
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
  const { out: _out, format: _format, labels: _labels, ...capture } = options;
  const { view, mask, order, decap, protocols, idleTimeout, activeTimeout, closeTimeout, ...rest } =
    resolveCaptureOptions(capture);
  const extraction = { view, mask, order, decap, protocols, idleTimeout, activeTimeout, closeTimeout };
  const { sequence, memoryBytes, merge } = rest;
  let summary: CaptureSummary | undefined;
  const collector = new SessionCollector();
  const reading = sessions(paths, {
    ...capture,
    onSummary: (read) => {
      summary = read;
    },
  });
  for await (const batch of reading) {
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
      `Expected at least one session in ${paths.length} captures (the first is ${paths[0]}) but found none${skippedText(summary)}`,
    );
  }
  const manifest: DatasetManifest = {
    ...dataset.manifest,
    ...extraction,
    sequence,
    memoryBytes,
    merge,
    captures: groupNames,
    source: [inputs].flat().join(" "),
    capturePaths: paths.map((path) => (path === "-" ? path : relative(resolve(options.out), resolve(path)))),
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
