// Gathers sessions into a dataset while captures are read: drops images that were seen before, keeps labels and columns.
// Images are held once, in blocks. Memory grows with distinct images, not with sessions.

import type { BlockedDataset } from "./blocks.ts";
import { newManifest } from "./dataset.ts";
import { imageWords } from "./image-hash.ts";
import { ImageIndex } from "./image-index.ts";
import { IMAGE_BYTES, type SessionColumns } from "./types.ts";

/** The columns that a batch of sessions must have; src/capture's SessionBatch does. */
export interface SessionRows {
  readonly count: number;
  /** uint8 [count, 784] */
  readonly images: Uint8Array;
  readonly startNs: BigInt64Array;
  readonly endNs: BigInt64Array;
  readonly initiatorPort: Uint16Array;
  readonly responderPort: Uint16Array;
  readonly protocol: Uint8Array;
  readonly initiatorPackets: Uint32Array;
  readonly responderPackets: Uint32Array;
  readonly initiatorBytes: BigUint64Array;
  readonly responderBytes: BigUint64Array;
  readonly endReason: Uint8Array;
  /** Bytes that the session filled of its image. */
  readonly imageBytes: Uint16Array;
}

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
  readonly #labels: number[] = [];
  readonly #groups: number[] = [];
  /** How many sessions had the image, and whether they disagreed about its class. */
  readonly #copies: number[] = [];
  readonly #conflicting: boolean[] = [];
  readonly #startNs: bigint[] = [];
  readonly #endNs: bigint[] = [];
  readonly #initiatorAddress: string[] = [];
  readonly #responderAddress: string[] = [];
  readonly #initiatorPort: number[] = [];
  readonly #responderPort: number[] = [];
  readonly #protocol: number[] = [];
  readonly #initiatorPackets: number[] = [];
  readonly #responderPackets: number[] = [];
  readonly #initiatorBytes: bigint[] = [];
  readonly #responderBytes: bigint[] = [];
  readonly #endReason: number[] = [];
  readonly #interned = new Map<string, string>();

  /**
   * Adds the rows of a batch that have any byte in the view. Those that have none look alike whatever they are, and one of them
   * kept would give its label to all.
   * The first session with an image stays, with its columns; later ones are dropped. Where the first had no label and a
   * later one has, the label is taken over; where they have different labels, the first one's stays and all are counted as
   * conflicting: nothing in the bytes can say which is right.
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
        this.#copies[first]!++;
        const known = this.#labels[first]!;
        if (known < 0) this.#labels[first] = label;
        else if (label >= 0 && label !== known) this.#conflicting[first] = true;
        continue;
      }
      this.#keepImage(batch.images.subarray(row * IMAGE_BYTES, (row + 1) * IMAGE_BYTES));
      this.#labels.push(label);
      this.#groups.push(about.group(row));
      this.#copies.push(1);
      this.#conflicting.push(false);
      this.#startNs.push(batch.startNs[row]!);
      this.#endNs.push(batch.endNs[row]!);
      this.#initiatorAddress.push(this.#intern(about.address("initiator", row)));
      this.#responderAddress.push(this.#intern(about.address("responder", row)));
      this.#initiatorPort.push(batch.initiatorPort[row]!);
      this.#responderPort.push(batch.responderPort[row]!);
      this.#protocol.push(batch.protocol[row]!);
      this.#initiatorPackets.push(batch.initiatorPackets[row]!);
      this.#responderPackets.push(batch.responderPackets[row]!);
      this.#initiatorBytes.push(batch.initiatorBytes[row]!);
      this.#responderBytes.push(batch.responderBytes[row]!);
      this.#endReason.push(batch.endReason[row]!);
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

  /** One string object for equal addresses. */
  #intern(text: string): string {
    const known = this.#interned.get(text);
    if (known !== undefined) return known;
    this.#interned.set(text, text);
    return text;
  }

  /** What was gathered, as a dataset. Classes without an image are left out, and named in `emptyClasses`. */
  finish(
    classes: readonly string[],
    groupNames: readonly string[],
  ): { dataset: BlockedDataset; emptyClasses: string[] } {
    const occurring = new Set(this.#labels);
    const kept = classes.filter((_, i) => occurring.has(i));
    const renumbered = classes.map((name) => kept.indexOf(name));
    const last = this.#count % BLOCK_ROWS;
    const blocks = this.#blocks.map((block, i) =>
      i === this.#blocks.length - 1 && last > 0 ? block.subarray(0, last * IMAGE_BYTES) : block,
    );
    const sessions = this.#copies.reduce((sum, copies) => sum + copies, 0);
    const columns: SessionColumns = {
      startNs: BigInt64Array.from(this.#startNs),
      endNs: BigInt64Array.from(this.#endNs),
      initiatorAddress: this.#initiatorAddress,
      responderAddress: this.#responderAddress,
      initiatorPort: Uint16Array.from(this.#initiatorPort),
      responderPort: Uint16Array.from(this.#responderPort),
      protocol: Uint8Array.from(this.#protocol),
      initiatorPackets: Uint32Array.from(this.#initiatorPackets),
      responderPackets: Uint32Array.from(this.#responderPackets),
      initiatorBytes: BigUint64Array.from(this.#initiatorBytes),
      responderBytes: BigUint64Array.from(this.#responderBytes),
      endReason: Uint8Array.from(this.#endReason),
    };
    const dataset: BlockedDataset = {
      count: this.#count,
      blocks,
      blockRows: BLOCK_ROWS,
      labels: Int32Array.from(this.#labels, (label) => (label < 0 ? -1 : renumbered[label]!)),
      classes: kept,
      groups: Uint32Array.from(this.#groups),
      groupNames,
      columns,
      testRows: undefined,
      manifest: newManifest({
        duplicatesRemoved: sessions - this.#count,
        emptySessions: this.#empty,
        conflictingDuplicates: this.#copies.reduce((sum, n, i) => sum + (this.#conflicting[i] ? n : 0), 0),
      }),
    };
    return { dataset, emptyClasses: classes.filter((name) => !kept.includes(name)) };
  }
}
