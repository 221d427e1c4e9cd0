// The functions of flowglyph_capture.node, as native/capture/addon.cpp declares them. Options here are plain values that
// src/capture has checked; the addon refuses wrong types once more.
import { type AddonBase, loadAddon } from "../load.ts";

/** A native extractor. Opaque; freed by close(), or when it is collected. */
export interface CaptureHandle {
  readonly captureHandle: unique symbol;
}

export interface OpenOptions {
  /** 0 pcap, 1 l3, 2 l7. */
  view: number;
  /** 0 none, 1 identity, 2 stack. */
  mask: number;
  /** Capture time, 0n = unlimited. */
  idleTimeoutNs: bigint;
  activeTimeoutNs: bigint;
  /** Cap on the memory of live sessions. */
  memoryBytes: number;
  /** Sessions a batch. */
  batchSize: number;
  /** Count the sessions and hand out no batch: `buffer` stays undefined. */
  countOnly: boolean;
}

/** The outcome of one step of reading. */
export interface Step {
  /** Sessions of the batch that is ready; 0 while it is still filling. */
  count: number;
  /** The batch's memory, columns at `byteOffset` + layout(batchSize)[column]. Transferable. */
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
  tcpSessions: number;
  udpSessions: number;
  evictedSessions: number;
  truncated: boolean;
  linktypes: number[];
  skipped: Record<string, number>;
  warnings: string[];
}

/** Byte offset of each column in a batch (native/core/session_batch.hpp). */
export type BatchLayout = Readonly<
  Record<
    | "images"
    | "startNs"
    | "endNs"
    | "initiatorBytes"
    | "responderBytes"
    | "initiatorPackets"
    | "responderPackets"
    | "captureGroup"
    | "initiatorAddress"
    | "responderAddress"
    | "initiatorPort"
    | "responderPort"
    | "imageBytes"
    | "ipVersion"
    | "protocol"
    | "endReason",
    number
  >
>;

export interface CaptureAddon extends AddonBase {
  open(paths: readonly string[], options: OpenOptions): CaptureHandle;
  /** One step on a libuv thread: reads about `budgetBytes` at most. One at a time for a handle. */
  next(handle: CaptureHandle, budgetBytes: number): Promise<Step>;
  /** What was read so far; not while a step runs. */
  summary(handle: CaptureHandle): NativeSummary;
  /** The running step and every later one reject with ERR_ABORTED. */
  abort(handle: CaptureHandle): void;
  /** Frees the native memory. Any number of times; a running step is aborted and frees it when it ends. */
  close(handle: CaptureHandle): Promise<void>;
  layout(capacity: number): BatchLayout;
  /** Handles of this process that still hold native memory. */
  liveHandles(): number;
}

let addon: CaptureAddon | undefined;

/** The capture addon, loaded on first use. ERR_ADDON_MISSING where it is not built. */
export function captureAddon(): CaptureAddon {
  addon ??= loadAddon<CaptureAddon>("flowglyph_capture");
  return addon;
}
