// What a dataset is in memory. Files are read into this shape and written from it; nothing here touches the disk.
import type { Mask, Order, View } from "../capture/names.ts";
import type { Decap, ProtocolList } from "../capture/options.ts";
import type { SessionColumns } from "./columns.ts";

export { IMAGE_BYTES } from "../../bindings/capture/batch.ts";
export { END_REASONS } from "../capture/names.ts";
export type { SessionColumns } from "./columns.ts";

/** A labelled set of byte images. */
export interface Dataset {
  readonly count: number;
  /** uint8 [count, 28, 28], contiguous. */
  readonly images: Uint8Array;
  /** int32 [count]: index into `classes`, -1 where the session has no label. */
  readonly labels: Int32Array;
  readonly classes: readonly string[];
  /** uint32 [count]: index into `groupNames`; undefined where capture files are not known (IDX). */
  readonly groups: Uint32Array | undefined;
  readonly groupNames: readonly string[];
  readonly columns: SessionColumns | undefined;
  /** Rows that are fixed by the source as the test part (IDX t10k), or undefined where the split is ours to make. */
  readonly testRows: Uint32Array | undefined;
  readonly manifest: DatasetManifest;
}

/** What is known of how a dataset was made; saved as `manifest.json` beside the Arrow file. */
export interface DatasetManifest {
  readonly format: "flowglyph-dataset";
  readonly formatVersion: 1;
  readonly toolVersion: string;
  readonly view: View | "unknown";
  readonly mask: Mask | "unknown";
  /** Of TCP payload in view `l7`; the published image sets hold it as captured. */
  readonly order: Order | "unknown";
  readonly decap: Decap | "unknown";
  readonly protocols: ProtocolList | "unknown";
  /** Seconds of capture time, 0 = unlimited; undefined where not known. */
  readonly idleTimeout: number | undefined;
  readonly activeTimeout: number | undefined;
  readonly closeTimeout: number | undefined;
  /** Steps of the sequence columns. Absent where not known, as the next two. */
  readonly sequence?: number;
  /** The cap on the memory of live sessions: sessions that it ended early are cut short. */
  readonly memoryBytes?: number;
  /** Whether captures were read as one stream, with sessions across them. */
  readonly merge?: boolean;
  readonly classes: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  readonly images: number;
  readonly duplicatesRemoved: number;
  /** Identical images that carried more than one label; how many rows they were. */
  readonly conflictingDuplicates: number;
  /** Sessions that have no byte in the view (l7: no payload), and are left out. Absent where not known. */
  readonly emptySessions?: number;
  readonly unlabelled: number;
  readonly captures: readonly string[];
  readonly source: string;
  /** Where `captures` lay, in their order: paths from the dataset's folder. Absent where not known, as all below. */
  readonly capturePaths?: readonly string[];
  /** Records read, and those of them that became part of a session; the rest is in `skipped`, by reason. */
  readonly packets?: number;
  readonly sessionPackets?: number;
  readonly skipped?: Readonly<Record<string, number>>;
  /** What was wrong with capture files: cut short, damaged, no captures at all. */
  readonly captureWarnings?: readonly string[];
  /** Where the mask was applied to images that existed, and not at encoding. */
  readonly masking?: MaskingCounts;
}

/** What masking found in images. What it cannot read it zeroes: it might be an address. */
export interface MaskingCounts {
  /**
   * By outcome: `masked` wholly; `hiddenPackets`: a packet without readable headers was zeroed; `brokenOff`: zeroed from the
   * byte on where no packet follows; `unreadable`: no image of the view, left out of the dataset; `maskedBefore`: headers were
   * zeroed already, kept as it was.
   */
  readonly images: Readonly<Record<string, number>>;
  /** Packets that were masked, and those of them that the image's end cuts off. */
  readonly packets: number;
  readonly cutPackets: number;
  /** Cut packets of which nobody can say whether a tunnel is inside: taken for what the packets before were. */
  readonly undecidedTunnels: number;
  /** Packets that were zeroed whole, by reason. */
  readonly hidden: Readonly<Record<string, number>>;
}

/** Row numbers of each part. No row is in two parts, and the unlabelled pool never holds a test row. */
export interface Split {
  readonly kind: "random" | "group" | "given";
  readonly seed: number;
  readonly labelled: Uint32Array;
  /** Part of the labelled budget that is held back for early stopping. */
  readonly validation: Uint32Array;
  readonly unlabelled: Uint32Array;
  readonly test: Uint32Array;
  /** Names of the capture groups in the test part (kind "group"). */
  readonly testGroups: readonly string[];
  /** Test images that are byte for byte also in the training part (kind "given"; see `dropLeakedTestRows`). */
  readonly leakedTestImages?: number;
  /** What a reader of the score must know, e.g. a class that the test part does not hold. */
  readonly warnings?: readonly string[];
}
