// The functions of flowglyph_capture.node, as native/capture/addon.cpp declares them. Options here are plain values that
// src/capture has checked; the addon refuses wrong types once more.
import { type AddonBase, loadAddon } from "../load.ts";
import type { ForestFunctions } from "./forest.ts";
import type { JobFunctions } from "./job.ts";
import type { LogisticFunctions } from "./logistic.ts";
import type { MaskFunctions } from "./masks.ts";
import type { WordTableFunctions } from "./words.ts";

/** A native extractor. Opaque; freed by close(), or when it is collected. */
export interface CaptureHandle {
  readonly captureHandle: unique symbol;
}

export interface OpenOptions {
  /** 0 pcap, 1 l3, 2 l7. */
  view: number;
  /** 0 none, 1 identity, 2 stack. */
  mask: number;
  /** 0 stream, 1 capture. */
  order: number;
  /** Capture time, 0n = unlimited. */
  idleTimeoutNs: bigint;
  activeTimeoutNs: bigint;
  closeTimeoutNs: bigint;
  /** Cap on the memory of live sessions. */
  memoryBytes: number;
  /** 1 to 64. */
  threads: number;
  /** Bit n: the outer headers of the n-th of `NativeNames.tunnels` are removed. */
  decap: number;
  /** IP protocol numbers that become sessions. */
  protocols: readonly number[];
  /** Steps of the sequence columns, 0 to 1024. */
  sequence: number;
  /** All inputs as one stream in order of time. */
  merge: boolean;
  /** Regular files may still grow: they end at finish(). */
  follow: boolean;
  /** 0 read, 1 map. */
  inputMethod: number;
  /** A session's row comes out when its image is full, or as many packets are there; it has no second one. */
  early?: boolean;
  /** 0: as soon as the image is full. */
  earlyPackets?: number;
  /** The input is what push() brings; the one path is its name. */
  pushed?: boolean;
  /** Sessions a batch. */
  batchSize: number;
  /** Count the sessions and hand out no batch: `buffer` stays undefined. */
  countOnly: boolean;
}

/** The outcome of one step of reading. */
export interface Step {
  /** Sessions of the batch that is ready; 0 while it is still filling. */
  count: number;
  /** The batch's memory, each column at `byteOffset` + its offset in layout(batchSize, sequence). Transferable. */
  buffer?: ArrayBuffer;
  byteOffset?: number;
  /** No more input and no more sessions. */
  done: boolean;
  packets: number;
  bytesRead: number;
  /** 0 where not known (standard input). */
  totalBytes: number;
  sessions: number;
}

export interface NativeSummary {
  packets: number;
  sessionPackets: number;
  bytesRead: number;
  totalBytes: number;
  /** Sessions that came out, by IP protocol number, ascending; protocols without one are left out. */
  sessions: { protocol: number; sessions: number }[];
  /** The same sessions by `NativeNames.endReasons`, all of them. */
  ended: Record<string, number>;
  shortenedSessions: number;
  peakSessions: number;
  retransmissions: number;
  outOfOrder: number;
  gaps: number;
  fragments: {
    datagrams: number;
    incomplete: number;
    evicted: number;
    overlapping: number;
    duplicates: number;
  };
  truncated: boolean;
  /** As the files declare them, in order of first appearance. */
  linktypes: number[];
  /** Those that records had, in order of first appearance. */
  linktypeRecords: { linktype: number; records: number }[];
  /** Records that held a layer, by `NativeNames.layers`, in their order; layers without one are left out. */
  layers: Record<string, number>;
  /** By `NativeNames.skipReasons`; reasons without one are left out. */
  skipped: Record<string, number>;
  warnings: string[];
}

/** What core calls things. */
export interface NativeNames {
  endReasons: string[];
  layers: string[];
  skipReasons: string[];
  tunnels: string[];
  protocols: Record<string, number>;
  /** By LINKTYPE_ number, without that prefix. */
  linktypes: Record<number, string>;
}

/** Where a column lies in a batch (native/core/session_batch.hpp). */
export interface ColumnLayout {
  name: string;
  type: "u8" | "u16" | "u32" | "u64" | "i64";
  /** Values in a row. */
  width: number;
  /** Bytes from the batch's `byteOffset` on, a multiple of 64. */
  offset: number;
}

/** Those of jobs on images are not there in an addon that was built before it had them. */
type ImageFunctions = ForestFunctions & JobFunctions & LogisticFunctions & MaskFunctions & WordTableFunctions;

export interface CaptureAddon extends AddonBase, Partial<ImageFunctions> {
  open(paths: readonly string[], options: OpenOptions): CaptureHandle;
  /** One step on a libuv thread: reads about `budgetBytes` at most. One at a time for a handle. */
  next(handle: CaptureHandle, budgetBytes: number): Promise<Step>;
  /** What was read so far; not while a step runs. */
  summary(handle: CaptureHandle): NativeSummary;
  /** The running step and every later one reject with ERR_ABORTED. */
  abort(handle: CaptureHandle): void;
  /** Live and followed inputs end where they are now, and their sessions with them; other inputs go on. */
  finish(handle: CaptureHandle): void;
  /**
   * Adds a copy of `bytes` to the input of a handle that was opened with `pushed`, also while a step runs; after `last`
   * nothing follows. How many bytes wait to be read.
   */
  push(handle: CaptureHandle, bytes: Uint8Array, last: boolean): number;
  /** Frees the native memory. Any number of times; a running step is aborted and frees it when it ends. */
  close(handle: CaptureHandle): Promise<void>;
  layout(capacity: number, sequence: number): ColumnLayout[];
  names(): NativeNames;
  /** Handles of this process that still hold native memory. */
  liveHandles(): number;
}

let addon: CaptureAddon | undefined;

/** The capture addon, loaded on first use. ERR_ADDON_MISSING where it is not built. */
export function captureAddon(): CaptureAddon {
  addon ??= loadAddon<CaptureAddon>("flowglyph_capture");
  return addon;
}
