// Small operations on datasets in memory: counting classes, filling in a manifest, taking rows. Nothing here touches the disk.
import { invalidArgument } from "../../bindings/errors.ts";
import { toolVersion } from "../version.ts";
import { gatherColumns } from "./columns.ts";
import { type Dataset, type DatasetManifest, IMAGE_BYTES } from "./types.ts";

/** Images per class, in class order, with classes that have none. */
export function countClasses(
  labels: Int32Array,
  classes: readonly string[],
): Pick<DatasetManifest, "classes" | "counts" | "images" | "unlabelled"> {
  const perClass = new Array<number>(classes.length).fill(0);
  let unlabelled = 0;
  for (const label of labels) {
    if (label < 0) unlabelled++;
    else perClass[label]!++;
  }
  return {
    classes,
    counts: Object.fromEntries(classes.map((name, i) => [name, perClass[i]!])),
    images: labels.length,
    unlabelled,
  };
}

/** A manifest from what is known; the rest says "unknown" or zero. */
export function newManifest(known: Partial<DatasetManifest>): DatasetManifest {
  return {
    toolVersion: toolVersion(),
    view: "unknown",
    mask: "unknown",
    order: "unknown",
    decap: "unknown",
    protocols: "unknown",
    idleTimeout: undefined,
    activeTimeout: undefined,
    closeTimeout: undefined,
    classes: [],
    counts: {},
    images: 0,
    duplicatesRemoved: 0,
    conflictingDuplicates: 0,
    unlabelled: 0,
    captures: [],
    source: "memory",
    ...known,
    format: "flowglyph-dataset",
    formatVersion: 1,
  };
}

/** The manifest that is written beside a dataset: what is known of its making, its classes counted anew. */
export function manifestOf(dataset: Pick<Dataset, "labels" | "classes" | "manifest">): DatasetManifest {
  return newManifest({ ...dataset.manifest, ...countClasses(dataset.labels, dataset.classes) });
}

/** uint8 [784] of one row: a view, not a copy. */
export function imageAt(dataset: Pick<Dataset, "images">, row: number): Uint8Array {
  return dataset.images.subarray(row * IMAGE_BYTES, (row + 1) * IMAGE_BYTES);
}

/** uint8 [rows.length, 784]: a copy of the rows' images, contiguous, in the order given. */
export function gatherImages(
  dataset: Pick<Dataset, "images">,
  rows: ArrayLike<number>,
): Uint8Array<ArrayBuffer> {
  const images = new Uint8Array(rows.length * IMAGE_BYTES);
  for (let i = 0; i < rows.length; i++) images.set(imageAt(dataset, rows[i]!), i * IMAGE_BYTES);
  return images;
}

/** Some rows' images, to be copied where they are asked for: `take` counts within `rows`. */
export function imageSource(dataset: Pick<Dataset, "images">, rows: Uint32Array) {
  return {
    count: rows.length,
    take: (places: Uint32Array) =>
      gatherImages(
        dataset,
        places.map((place) => rows[place]!),
      ),
  };
}

/** int32 [rows.length]. */
export function gatherLabels(dataset: Pick<Dataset, "labels">, rows: ArrayLike<number>): Int32Array {
  const labels = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) labels[i] = dataset.labels[rows[i]!]!;
  return labels;
}

/**
 * A dataset of some rows of another, in the order given (copied). Classes and groups keep their numbers; `testRows` become
 * the new positions of those test rows that were taken.
 * @throws FlowglyphError ERR_ARGUMENT where a row is out of range.
 */
export function subset(dataset: Dataset, rows: ArrayLike<number>): Dataset {
  const wrong = Array.from(rows).find((row) => !Number.isInteger(row) || row < 0 || row >= dataset.count);
  if (wrong !== undefined) throw invalidArgument("rows", `integers from 0 to ${dataset.count - 1}`, wrong);
  const labels = gatherLabels(dataset, rows);
  let testRows: Uint32Array | undefined;
  if (dataset.testRows !== undefined) {
    const isTest = new Set(dataset.testRows);
    testRows = Uint32Array.from(
      Array.from(rows, (row, i) => (isTest.has(row) ? i : -1)).filter((i) => i >= 0),
    );
  }
  return {
    ...dataset,
    count: rows.length,
    images: gatherImages(dataset, rows),
    labels,
    groups: dataset.groups && Uint32Array.from(rows, (row) => dataset.groups![row]!),
    columns: dataset.columns && gatherColumns(dataset.columns, dataset.count, rows),
    testRows,
    manifest: { ...dataset.manifest, ...countClasses(labels, dataset.classes) },
  };
}
