// Equal images: among rows of one array, and as rows that a dataset holds twice.
import { subset } from "./dataset.ts";
import { imageWords } from "./image-hash.ts";
import { ImageIndex } from "./image-index.ts";
import type { Dataset } from "./types.ts";

/** The rows of `candidates` whose image equals, byte for byte, that of a row of `others`. */
export function findCopiesOf(images: Uint8Array, others: Uint32Array, candidates: Uint32Array): Uint32Array {
  const words = imageWords(images);
  // The candidates are indexed, as they are the fewer; `copied` marks those that some other row equals.
  const firstOf: number[] = [];
  const index = new ImageIndex((id) => ({ words, row: firstOf[id]! }));
  const idOf = new Int32Array(candidates.length);
  for (const [i, row] of candidates.entries()) {
    const found = index.findOrAdd(words, row);
    idOf[i] = found >= 0 ? found : firstOf.push(row) - 1;
  }
  const copied = new Uint8Array(firstOf.length);
  for (const row of others) {
    const found = index.find(words, row);
    if (found >= 0) copied[found] = 1;
  }
  return candidates.filter((_, i) => copied[idOf[i]!] === 1);
}

/** Counts distinct images, and what became of the labels of equal ones; ids are 0, 1, 2 ... in order of appearance. */
export class LabelTally {
  readonly labels: number[] = [];
  readonly #copies: number[] = [];
  readonly #conflicting: boolean[] = [];

  /** The first with an image. */
  first(label: number): void {
    this.labels.push(label);
    this.#copies.push(1);
    this.#conflicting.push(false);
  }

  /**
   * Another with the image of `id`. Where the first had no label, this one's is taken over; where they differ, the first one's
   * stays and all count as conflicting: nothing in the bytes can say which is right.
   */
  copy(id: number, label: number): void {
    this.#copies[id]!++;
    const known = this.labels[id]!;
    if (known < 0) this.labels[id] = label;
    else if (label >= 0 && label !== known) this.#conflicting[id] = true;
  }

  /** Of the manifest. */
  counts(): { duplicatesRemoved: number; conflictingDuplicates: number } {
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
    return {
      duplicatesRemoved: sum(this.#copies) - this.#copies.length,
      conflictingDuplicates: sum(this.#copies.filter((_, id) => this.#conflicting[id])),
    };
  }
}

/**
 * The first row of each image; of a given test part only rows that equal none before the part, so that nothing that was
 * learned from is tested. A label never moves from the test part to the others. The manifest's counts grow by what was removed.
 */
export function removeDuplicates(dataset: Dataset): Dataset {
  const words = imageWords(dataset.images);
  const isTest = new Uint8Array(dataset.count);
  for (const row of dataset.testRows ?? []) isTest[row] = 1;
  const order = Uint32Array.from({ length: dataset.count }, (_, row) => row);
  const parts = [order.filter((row) => isTest[row] === 0), order.filter((row) => isTest[row] === 1)];
  const rows: number[] = [];
  const tally = new LabelTally();
  const index = new ImageIndex((id) => ({ words, row: rows[id]! }));
  for (const part of parts) {
    for (const row of part) {
      const label = dataset.labels[row]!;
      const id = index.findOrAdd(words, row);
      if (id < 0) {
        rows.push(row);
        tally.first(label);
      } else {
        tally.copy(id, isTest[row] === isTest[rows[id]!] || tally.labels[id]! >= 0 ? label : -1);
      }
    }
  }
  const { manifest } = dataset;
  const { duplicatesRemoved, conflictingDuplicates } = tally.counts();
  const counted = {
    ...manifest,
    duplicatesRemoved: manifest.duplicatesRemoved + duplicatesRemoved,
    conflictingDuplicates: manifest.conflictingDuplicates + conflictingDuplicates,
  };
  if (duplicatesRemoved === 0) return { ...dataset, manifest: counted };
  const labels = dataset.labels.slice();
  for (const [id, row] of rows.entries()) labels[row] = tally.labels[id]!;
  return subset({ ...dataset, labels, manifest: counted }, Uint32Array.from(rows).sort());
}
