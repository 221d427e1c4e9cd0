// A folder of IDX files as a dataset, and back. train-* is the training part, t10k-* the test part; either may be missing.
// Beyond MNIST's four names flowglyph knows `unlabelled-images-idx3-ubyte`: images that have no labels file by intention.
// IDX holds images and labels alone: capture groups, 5-tuples and times are not kept.
import { constants } from "node:buffer";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import { asBlocks, type BlockedDataset, imageRuns } from "./blocks.ts";
import { countClasses, manifestOf, newManifest } from "./dataset.ts";
import { readIdxCount, readIdxInto, writeIdxFile } from "./idx-file.ts";
import { MANIFEST_FILE, readManifestIfPresent, writeManifest } from "./manifest.ts";
import { type Dataset, type DatasetManifest, IMAGE_BYTES } from "./types.ts";

const PARTS = ["train", "unlabelled", "t10k"] as const;
type Part = (typeof PARTS)[number];
// MNIST's files, and MNIST's own older spelling with a dot.
const nameOf = (part: Part, kind: "images" | "labels", separator = "-"): string =>
  kind === "images" ? `${part}-images${separator}idx3-ubyte` : `${part}-labels${separator}idx1-ubyte`;
const CLASS_FILES = ["classes.json", "classes.txt", "names"] as const;

interface PartFiles {
  readonly part: Part;
  readonly images: string;
  readonly labels: string | undefined;
}

/** Whether a folder's file names hold at least one IDX image file. */
export function looksLikeIdx(names: readonly string[]): boolean {
  return names.some((name) => /^(train|t10k|unlabelled)-(images|labels)[-.]idx[13]-ubyte(\.gz)?$/.test(name));
}

/**
 * Reads a folder of IDX files (plain or gzipped): training rows first, then unlabelled ones, then the test part, whose rows
 * are `testRows`. Class names come from manifest.json, classes.json (an array), classes.txt or names (a line each), or are
 * "0" to the largest label.
 * @throws FlowglyphError ERR_DATASET_FORMAT: wrong magic, not 28 x 28, counts that differ, truncated; ERR_IO.
 */
export async function readIdxFolder(folder: string): Promise<Dataset> {
  const names = await readdir(folder);
  const parts = PARTS.map((part) => findPart(folder, names, part)).filter((part) => part !== undefined);
  if (parts.length === 0) {
    throw new FlowglyphError(
      "ERR_DATASET_FORMAT",
      `${folder}: expected ${nameOf("train", "images")} or ${nameOf("t10k", "images")} (optionally .gz) but found neither`,
    );
  }
  const counts: number[] = [];
  for (const { images, labels } of parts) {
    const count = await readIdxCount(images, "images");
    if (labels !== undefined) {
      const labelCount = await readIdxCount(labels, "labels");
      if (labelCount !== count) {
        throw new FlowglyphError(
          "ERR_DATASET_FORMAT",
          `${labels}: expected ${count} labels, one for each image of ${basename(images)}, but received ${labelCount}`,
        );
      }
    }
    counts.push(count);
  }
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total * IMAGE_BYTES > constants.MAX_LENGTH) {
    throw new FlowglyphError("ERR_DATASET_FORMAT", `${folder}: ${total} images do not fit in one array`);
  }

  const images = new Uint8Array(total * IMAGE_BYTES);
  const labels = new Int32Array(total).fill(-1);
  let testRows: Uint32Array | undefined;
  let row = 0;
  for (const [i, files] of parts.entries()) {
    const count = counts[i]!;
    await readIdxInto(
      files.images,
      "images",
      images.subarray(row * IMAGE_BYTES, (row + count) * IMAGE_BYTES),
    );
    if (files.labels !== undefined) {
      const bytes = new Uint8Array(count);
      await readIdxInto(files.labels, "labels", bytes);
      labels.set(bytes, row);
    }
    if (files.part === "t10k") testRows = Uint32Array.from({ length: count }, (_, j) => row + j);
    row += count;
  }

  const stored = await readManifestIfPresent(folder);
  const classes = stored?.classes ?? (await readClassNames(folder, names)) ?? numberedClasses(labels);
  const largest = labels.reduce((max, label) => Math.max(max, label), -1);
  if (largest >= classes.length) {
    throw new FlowglyphError(
      "ERR_DATASET_FORMAT",
      `${folder}: expected labels below ${classes.length} (the number of class names) but received ${largest}`,
    );
  }
  const manifest = newManifest({
    order: "capture", // as all published image sets; a manifest of ours knows
    ...stored,
    ...countClasses(labels, classes),
    source: stored?.source ?? folder,
  });
  return {
    count: total,
    images,
    labels,
    classes,
    groups: undefined,
    groupNames: [],
    columns: undefined,
    testRows,
    manifest,
  };
}

function findPart(folder: string, names: readonly string[], part: Part): PartFiles | undefined {
  const find = (kind: "images" | "labels"): string | undefined => {
    for (const separator of ["-", "."]) {
      const name = nameOf(part, kind, separator);
      for (const candidate of [name, `${name}.gz`])
        if (names.includes(candidate)) return join(folder, candidate);
    }
    return undefined;
  };
  const [images, labels] = [find("images"), part === "unlabelled" ? undefined : find("labels")];
  if (images === undefined && labels === undefined) return undefined;
  if (images === undefined || (labels === undefined && part !== "unlabelled")) {
    const missing = nameOf(part, images === undefined ? "images" : "labels");
    const present = basename((images ?? labels)!);
    throw new FlowglyphError(
      "ERR_DATASET_FORMAT",
      `${folder}: expected ${missing} (optionally .gz) beside ${present} but it is missing`,
    );
  }
  return { part, images, labels };
}

async function readClassNames(folder: string, names: readonly string[]): Promise<string[] | undefined> {
  for (const file of CLASS_FILES) {
    if (!names.includes(file)) continue;
    const path = join(folder, file);
    const text = await readFile(path, "utf8");
    const wrong = (received: string): FlowglyphError =>
      new FlowglyphError("ERR_DATASET_FORMAT", `${path}: expected distinct class names but ${received}`);
    let classes: unknown;
    if (file === "classes.json") {
      try {
        classes = JSON.parse(text);
      } catch (error) {
        throw wrong(`it is not JSON (${(error as Error).message})`);
      }
      if (!Array.isArray(classes) || !classes.every((name) => typeof name === "string")) {
        throw wrong("it is not an array of strings");
      }
    } else {
      classes = text.split(/\r?\n/).filter((line) => line !== "");
    }
    const list = classes as string[];
    if (list.length === 0) throw wrong("it is empty");
    if (new Set(list).size !== list.length) throw wrong("one is named twice");
    return list;
  }
  return undefined;
}

function numberedClasses(labels: Int32Array): string[] {
  const largest = labels.reduce((max, label) => Math.max(max, label), -1);
  return Array.from({ length: largest + 1 }, (_, i) => String(i));
}

/**
 * Writes a dataset as a folder of IDX files: `testRows` as t10k, other labelled rows as train, rows without a label as
 * unlabelled-images; with classes.json and manifest.json.
 * @throws FlowglyphError ERR_ARGUMENT above 256 classes (IDX labels are one byte); ERR_IO.
 */
export async function writeIdxFolder(
  given: Dataset | BlockedDataset,
  folder: string,
  options: { readonly gzip?: boolean } = {},
): Promise<DatasetManifest> {
  const dataset = asBlocks(given);
  if (dataset.classes.length > 256) {
    throw invalidArgument(
      "the number of classes",
      "at most 256 for IDX, whose labels are one byte",
      dataset.classes.length,
    );
  }
  await mkdir(folder, { recursive: true });
  const isTest = new Uint8Array(dataset.count);
  for (const row of dataset.testRows ?? []) isTest[row] = 1;
  const rows: Record<Part, number[]> = { train: [], unlabelled: [], t10k: [] };
  for (let row = 0; row < dataset.count; row++) {
    const part = dataset.labels[row]! < 0 ? "unlabelled" : isTest[row] ? "t10k" : "train";
    rows[part].push(row);
  }
  const suffix = options.gzip === false ? "" : ".gz";
  for (const part of PARTS) {
    const partRows = rows[part];
    if (partRows.length === 0) continue;
    const imagesFile = join(folder, nameOf(part, "images") + suffix);
    await writeIdxFile(imagesFile, "images", partRows.length, imageRuns(dataset, partRows));
    if (part === "unlabelled") continue;
    const labels = Uint8Array.from(partRows, (row) => dataset.labels[row]!);
    await writeIdxFile(join(folder, nameOf(part, "labels") + suffix), "labels", partRows.length, [labels]);
  }
  await writeFile(join(folder, "classes.json"), `${JSON.stringify(dataset.classes, null, 2)}\n`);
  const manifest = manifestOf(dataset);
  await writeManifest(join(folder, MANIFEST_FILE), manifest);
  return manifest;
}
