// Typed views of the columns of a batch, over the memory that native code filled. Nothing is copied.
import { FlowglyphError } from "../errors.ts";
import { howToBuild } from "../load.ts";
import { type ColumnLayout, captureAddon } from "./addon.ts";

/** Bytes of one image: 28 x 28. */
export const IMAGE_BYTES = 784;

const ARRAYS = {
  u8: Uint8Array,
  u16: Uint16Array,
  u32: Uint32Array,
  u64: BigUint64Array,
  i64: BigInt64Array,
} as const satisfies Readonly<Record<ColumnLayout["type"], unknown>>;

interface ArrayTypes {
  readonly u8: Uint8Array<ArrayBuffer>;
  readonly u16: Uint16Array<ArrayBuffer>;
  readonly u32: Uint32Array<ArrayBuffer>;
  readonly u64: BigUint64Array<ArrayBuffer>;
  readonly i64: BigInt64Array<ArrayBuffer>;
}

/**
 * The columns of a batch, as kColumnTable of native/core/session_batch.hpp has them, and what they mean. One value a row
 * where nothing else is said; "each way" is a column of the initiator's and one of the responder's.
 */
export const BATCH_COLUMNS = {
  /** uint8 [count, 28, 28], contiguous. */
  images: "u8",
  /** Of the first packet: nanoseconds since the epoch, capture time. */
  startNs: "i64",
  /** Of the latest packet. */
  endNs: "i64",
  /** IP-layer bytes each way, as they were on the wire. */
  initiatorBytes: "u64",
  responderBytes: "u64",
  initiatorPackets: "u32",
  responderPackets: "u32",
  /** Index of the capture file; of the first packet where files are merged. */
  captureGroup: "u32",
  /** TCP segments, both ways, that held nothing new. */
  retransmissions: "u32",
  /** TCP segments, both ways, that came after one with later bytes. */
  outOfOrder: "u32",
  /** Holes in the TCP stream, both ways, that nothing filled. */
  gaps: "u32",
  /** Bytes that are missing in them, at most 2^32 - 1. */
  gapBytes: "u32",
  /** uint8 [count, 16]: IPv4 in the first 4 bytes, the rest zero. */
  initiatorAddress: "u8",
  responderAddress: "u8",
  /** 0 where the protocol has no ports. */
  initiatorPort: "u16",
  responderPort: "u16",
  /** Bytes of the image that the session filled, the rest is padding: 0 (view l7, no payload) to 784. */
  imageBytes: "u16",
  /** Packets in the sequence columns: at most `sequence`. */
  sequenceCount: "u16",
  /** 4 or 6. */
  ipVersion: "u8",
  /** IP protocol number: 6 TCP, 17 UDP. */
  protocol: "u8",
  /** Index into `END_REASONS`. */
  endReason: "u8",
  /** All TCP flags that were seen each way, or-ed: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128. */
  initiatorTcpFlags: "u8",
  responderTcpFlags: "u8",
  /** Outer headers (tunnels) that were removed from the first packet. */
  tunnelDepth: "u8",
  /** int64 [count, sequence]: nanoseconds since the packet before, 0 for the first. Steps without a packet are 0. */
  sequenceGapNs: "i64",
  /** uint16 [count, sequence]: bytes of the IP packet on the wire, at most 65535. */
  sequenceLength: "u16",
  /** uint8 [count, sequence]: 0 from the initiator, 1 from the responder. */
  sequenceDirection: "u8",
} as const satisfies Readonly<Record<string, ColumnLayout["type"]>>;

type ColumnTypes = typeof BATCH_COLUMNS;
export type ColumnName = keyof ColumnTypes;

/** The columns of a batch, each of `count` rows. */
export type BatchColumns = {
  readonly [Name in keyof ColumnTypes]: ArrayTypes[ColumnTypes[Name]];
};

/** Where each column of a batch lies. */
export type BatchLayout = Readonly<Record<ColumnName, ColumnLayout>>;

/**
 * The layout of batches of `capacity` rows with sequences of `sequence` steps.
 * @throws ERR_ARGUMENT where such a batch would be too large; ERR_ADDON_MISSING where the addon has other columns than we
 *   know: it was built from other sources.
 */
export function batchLayout(capacity: number, sequence: number): BatchLayout {
  const columns = captureAddon().layout(capacity, sequence);
  const describe = (name: string, type: string) => `${name} ${type}`;
  const received = columns.map(({ name, type }) => describe(name, type));
  const expected = Object.entries(BATCH_COLUMNS).map(([name, type]) => describe(name, type));
  if (received.join() !== expected.join()) {
    const other = received.find((column, i) => column !== expected[i]) ?? expected[received.length];
    throw new FlowglyphError(
      "ERR_ADDON_MISSING",
      `The native addon flowglyph_capture was built from other sources than this package: they differ in the column ${other}. ${howToBuild("flowglyph_capture")}`,
    );
  }
  return Object.fromEntries(columns.map((column) => [column.name, column])) as BatchLayout;
}

/** The columns of `count` sessions in `buffer`, laid out from `byteOffset` on. */
export function batchColumns(
  buffer: ArrayBuffer,
  byteOffset: number,
  layout: BatchLayout,
  count: number,
): BatchColumns {
  const columns = Object.values(layout).map(({ name, type, width, offset }) => [
    name,
    new ARRAYS[type](buffer, byteOffset + offset, count * width),
  ]);
  return Object.fromEntries(columns) as BatchColumns;
}
