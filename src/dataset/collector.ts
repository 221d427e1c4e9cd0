// Gathers sessions into a dataset while captures are read: drops images that were seen before, keeps labels and columns.
// Images are held once, in blocks. Memory grows with distinct images, not with sessions.

import type { BatchColumns } from "../../bindings/capture/batch.ts";
import type { SessionBatch } from "../capture/index.ts";
import type { BlockedDataset } from "./blocks.ts";
import { ColumnBuilder } from "./column-builder.ts";
import { newManifest } from "./dataset.ts";
import { LabelTally } from "./duplicates.ts";
import { imageWords } from "./image-hash.ts";
import { ImageIndex } from "./image-index.ts";
import { IMAGE_BYTES } from "./types.ts";

/** What a batch of sessions must have beside its columns; src/capture's SessionBatch does. */
export type SessionRows = Pick<
  SessionBatch,
  | "count"
  | "sequence"
  | Exclude<keyof BatchColumns, "initiatorAddress" | "responderAddress" | "ipVersion" | "captureGroup">
>;

// 16,384 images = 12.25 MiB a block.
const BLOCK_ROWS = 16_384;

export class SessionCollector {
  readonly #blocks: Uint8Array[] = [];
  readonly #words: Int32Array[] = [];
  readonly #index = new ImageIndex((id) => ({
    words: this.#words[Math.floor(id / BLOCK_ROWS)]!,
    row: id % BLOCK_ROWS,
  }));
  #count = 0;
  #empty = 0;
  readonly #tally = new LabelTally();
  readonly #groups: number[] = [];
  #columns: ColumnBuilder | undefined;

  /**
   * Adds the rows of a batch that have any byte in the view. Those that have none look alike whatever they are, and one of them
   * kept would give its label to all.
   * The first session with an image stays, with its columns; later ones are dropped (`LabelTally` says what becomes of their
   * labels).
   */
  add(
    batch: SessionRows,
    about: {
      readonly label: (row: number) => number;
      readonly group: (row: number) => number;
      readonly address: (side: "initiator" | "responder", row: number) => string;
    },
  ): void {
    const words = imageWords(batch.images);
    for (let row = 0; row < batch.count; row++) {
      if (batch.imageBytes[row] === 0) {
        this.#empty++;
        continue;
      }
      const label = about.label(row);
      const first = this.#index.findOrAdd(words, row);
      if (first >= 0) {
        this.#tally.copy(first, label);
        continue;
      }
      this.#keepImage(batch.images.subarray(row * IMAGE_BYTES, (row + 1) * IMAGE_BYTES));
      this.#tally.first(label);
      this.#groups.push(about.group(row));
      this.#columns ??= new ColumnBuilder(batch.sequence);
      this.#columns.add(batch, row, about.address);
    }
  }

  #keepImage(image: Uint8Array): void {
    const at = this.#count % BLOCK_ROWS;
    if (at === 0) {
      const block = new Uint8Array(BLOCK_ROWS * IMAGE_BYTES);
      this.#blocks.push(block);
      this.#words.push(imageWords(block));
    }
    this.#blocks.at(-1)!.set(image, at * IMAGE_BYTES);
    this.#count++;
  }

  /** What was gathered, as a dataset. Classes without an image are left out, and named in `emptyClasses`. */
  finish(
    classes: readonly string[],
    groupNames: readonly string[],
  ): { dataset: BlockedDataset; emptyClasses: string[] } {
    const occurring = new Set(this.#tally.labels);
    const kept = classes.filter((_, i) => occurring.has(i));
    const renumbered = classes.map((name) => kept.indexOf(name));
    const last = this.#count % BLOCK_ROWS;
    const blocks = this.#blocks.map((block, i) =>
      i === this.#blocks.length - 1 && last > 0 ? block.subarray(0, last * IMAGE_BYTES) : block,
    );
    const dataset: BlockedDataset = {
      count: this.#count,
      blocks,
      blockRows: BLOCK_ROWS,
      labels: Int32Array.from(this.#tally.labels, (label) => (label < 0 ? -1 : renumbered[label]!)),
      classes: kept,
      groups: Uint32Array.from(this.#groups),
      groupNames,
      columns: (this.#columns ?? new ColumnBuilder(0)).finish(),
      testRows: undefined,
      manifest: newManifest({ ...this.#tally.counts(), emptySessions: this.#empty }),
    };
    return { dataset, emptyClasses: classes.filter((name) => !kept.includes(name)) };
  }
}
