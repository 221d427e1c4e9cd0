// The columns of a session in files: one table for Arrow, npz and the rows of results. A new column is one row here, beside
// the one in bindings/capture/batch.ts that says where it comes from. Plain data: nothing here loads a file format.
import type { BatchColumns } from "../../bindings/capture/batch.ts";

/**
 * What a column holds. Numbers: `u8` to `u64`, `i64`. `time`: nanoseconds since the epoch. `protocol`: a number, in results
 * its name. `address`: text (RFC 5952 for IPv6). `endReason`: an index into `END_REASONS`, in Arrow and in results the name.
 */
export type ColumnKind = "u8" | "u16" | "u32" | "u64" | "i64" | "time" | "protocol" | "address" | "endReason";

interface ColumnRow {
  /** Its name in memory. */
  readonly column: keyof BatchColumns;
  readonly kind: ColumnKind;
  /** Datasets of earlier versions are without it. */
  readonly optional?: true;
  /** Several values a row: the first packets of the session, where `CaptureOptions.sequence` asked for them. */
  readonly sequence?: true;
}

/** By the names that files have, in their order there. */
export const SESSION_TABLE = {
  /** IP protocol number; in results its name: `tcp`, `udp`, ... */
  protocol: { column: "protocol", kind: "protocol" },
  initiator_address: { column: "initiatorAddress", kind: "address" },
  initiator_port: { column: "initiatorPort", kind: "u16" },
  responder_address: { column: "responderAddress", kind: "address" },
  responder_port: { column: "responderPort", kind: "u16" },
  /** Of the first and of the latest packet; capture time, UTC. In results RFC 3339 with nanoseconds. */
  start_time: { column: "startNs", kind: "time" },
  end_time: { column: "endNs", kind: "time" },
  initiator_packets: { column: "initiatorPackets", kind: "u32" },
  responder_packets: { column: "responderPackets", kind: "u32" },
  /** IP-layer bytes; in results exact to 2^53. */
  initiator_bytes: { column: "initiatorBytes", kind: "u64" },
  responder_bytes: { column: "responderBytes", kind: "u64" },
  /** Why the session ended: a name of `END_REASONS`. */
  end_reason: { column: "endReason", kind: "endReason" },
  /** TCP segments, both ways: without new bytes; after one with later bytes. */
  retransmissions: { column: "retransmissions", kind: "u32", optional: true },
  out_of_order: { column: "outOfOrder", kind: "u32", optional: true },
  /** Holes in the TCP stream, both ways, and the bytes that are missing in them. */
  gaps: { column: "gaps", kind: "u32", optional: true },
  gap_bytes: { column: "gapBytes", kind: "u32", optional: true },
  /** All TCP flags seen, or-ed: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128. */
  initiator_tcp_flags: { column: "initiatorTcpFlags", kind: "u8", optional: true },
  responder_tcp_flags: { column: "responderTcpFlags", kind: "u8", optional: true },
  /** Outer headers (tunnels) removed from the first packet. */
  tunnel_depth: { column: "tunnelDepth", kind: "u8", optional: true },
  /** Packets in the next three: in datasets these have a fixed length, and zeros behind; in results they are as long as this. */
  sequence_count: { column: "sequenceCount", kind: "u16", optional: true },
  /** Bytes of each of the first IP packets, as on the wire. */
  sequence_length: { column: "sequenceLength", kind: "u16", optional: true, sequence: true },
  /** 0 from the initiator, 1 from the responder. */
  sequence_direction: { column: "sequenceDirection", kind: "u8", optional: true, sequence: true },
  /** Nanoseconds since the packet before, 0 for the first. */
  sequence_gap_ns: { column: "sequenceGapNs", kind: "i64", optional: true, sequence: true },
} as const satisfies Readonly<Record<string, ColumnRow>>;

export type SessionTable = typeof SESSION_TABLE;
/** A column's name in files. */
export type FileColumn = keyof SessionTable;
export const FILE_COLUMNS = Object.keys(SESSION_TABLE) as readonly FileColumn[];

interface Arrays {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly u64: BigUint64Array;
  readonly i64: BigInt64Array;
  readonly time: BigInt64Array;
  readonly protocol: Uint8Array;
  readonly address: readonly string[];
  readonly endReason: Uint8Array;
}
type Optional = { [F in FileColumn]: SessionTable[F] extends { optional: true } ? F : never }[FileColumn];

/**
 * Per-session columns of a dataset, each of `count` rows (sequences: of count x steps values). Times are nanoseconds since the
 * epoch, capture time. What an earlier version did not write, or nobody asked for, is undefined.
 */
export type SessionColumns = {
  readonly [F in Exclude<FileColumn, Optional> as SessionTable[F]["column"]]: Arrays[SessionTable[F]["kind"]];
} & {
  readonly [F in Optional as SessionTable[F]["column"]]?: Arrays[SessionTable[F]["kind"]] | undefined;
};

/** Any column's values; all but addresses are typed arrays. */
export type ColumnValues = Arrays[ColumnKind];
/** The columns as the table's code sees them: by name, of any kind. */
export type AnyColumns = Readonly<Record<string, ColumnValues | undefined>>;

const MAKE = {
  u8: Uint8Array,
  u16: Uint16Array,
  u32: Uint32Array,
  u64: BigUint64Array,
  i64: BigInt64Array,
  time: BigInt64Array,
  protocol: Uint8Array,
  endReason: Uint8Array,
} as const;
export type NumberKind = keyof typeof MAKE;
export type NumberValues = InstanceType<(typeof MAKE)[NumberKind]>;

/** `length` zeros of a kind. */
export function makeNumbers(kind: NumberKind, length: number): NumberValues {
  return new MAKE[kind](length);
}

export function rowOf(name: FileColumn): ColumnRow {
  return SESSION_TABLE[name];
}

/** Steps of a row of the sequence columns; 0 where there are none. */
export function sequenceSteps(columns: SessionColumns, count: number): number {
  return count === 0 ? 0 : (columns.sequenceLength?.length ?? 0) / count;
}

/** The columns that are there, in the order of the table, with how many values a row has. */
export function presentColumns(
  columns: SessionColumns,
  count: number,
): { name: FileColumn; kind: ColumnKind; sequence: boolean; steps: number; values: ColumnValues }[] {
  const all: AnyColumns = columns;
  const sequence = sequenceSteps(columns, count);
  return FILE_COLUMNS.flatMap((name) => {
    const { column, kind, sequence: isSequence = false } = rowOf(name);
    const values = all[column];
    if (values === undefined || (isSequence && sequence === 0)) return [];
    return [{ name, kind, sequence: isSequence, steps: isSequence ? sequence : 1, values }];
  });
}

/** Some rows of the columns, in the order given; copies. */
export function gatherColumns(
  columns: SessionColumns,
  count: number,
  rows: ArrayLike<number>,
): SessionColumns {
  const gathered = presentColumns(columns, count).map(({ name, kind, steps, values }) => {
    if (kind === "address") return [rowOf(name).column, Array.from(rows, (row) => values[row])];
    const from = values as NumberValues;
    const to = makeNumbers(kind, rows.length * steps);
    for (let i = 0; i < rows.length; i++)
      to.set(from.subarray(rows[i]! * steps, (rows[i]! + 1) * steps) as never, i * steps);
    return [rowOf(name).column, to];
  });
  return Object.fromEntries(gathered) as unknown as SessionColumns;
}
