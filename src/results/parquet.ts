// Verdicts as Apache Parquet, a row group at a time: memory holds one row group, never the file.
import { type FileHandle, open } from "node:fs/promises";
import { ByteWriter, type ColumnSource, ParquetWriter, type SchemaElement } from "hyparquet-writer";
import { type VerdictColumn, type VerdictRow, type VerdictShape, verdictColumns } from "./verdict-row.ts";
import type { VerdictWriter } from "./writer.ts";

// Large enough to compress and scan well, about 15 MB of rows.
const GROUP_ROWS = 65_536;

type Values = unknown[] | Int32Array | BigInt64Array | Float64Array;
type ParquetType = Omit<SchemaElement, "name" | "repetition_type">;

interface ParquetKind {
  readonly type: ParquetType;
  /** Room for a group. Rows as objects would be ten times as much, and the garbage collector would go through them. */
  readonly room: () => Values;
  readonly read: () => (value: string | number) => string | number | bigint;
}

const asIs = () => (value: string | number) => value;
const TEXT: ParquetKind = {
  type: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  room: () => new Array(GROUP_ROWS),
  read: asIs,
};
const COUNT: ParquetKind = {
  type: { type: "INT64" },
  room: () => new BigInt64Array(GROUP_ROWS),
  read: () => BigInt,
};
const small = (converted_type: "UINT_8" | "UINT_16"): ParquetKind => ({
  type: { type: "INT32", converted_type },
  room: () => new Int32Array(GROUP_ROWS),
  read: asIs,
});
// The Parquet type of each kind of column, and how a row's value becomes it.
const KINDS: Readonly<Record<VerdictColumn["kind"], ParquetKind>> = {
  u8: small("UINT_8"),
  u16: small("UINT_16"),
  u32: COUNT,
  u64: COUNT,
  i64: COUNT,
  time: {
    type: { type: "INT64", logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "NANOS" } },
    room: () => new BigInt64Array(GROUP_ROWS),
    read: () => timeReader() as (value: string | number) => bigint,
  },
  protocol: TEXT,
  address: TEXT,
  endReason: TEXT,
  text: TEXT,
  probability: { type: { type: "DOUBLE" }, room: () => new Float64Array(GROUP_ROWS), read: asIs },
};

/** Schema elements of a column, depth first; a sequence is a list (Parquet's LogicalTypes.md, "Lists"). */
function schemaOf({ name, kind, sequence }: VerdictColumn): SchemaElement[] {
  const { type } = KINDS[kind];
  if (!sequence) return [{ name, ...type, repetition_type: "REQUIRED" }];
  return [
    { name, repetition_type: "REQUIRED", num_children: 1, converted_type: "LIST" },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    { name: "element", ...type, repetition_type: "REQUIRED" },
  ];
}

/** A column of the group that is being filled. */
interface Filling {
  readonly name: VerdictColumn["name"];
  readonly values: Values;
  readonly read: (value: VerdictRow[keyof VerdictRow]) => unknown;
}

function fillingOf({ name, kind, sequence }: VerdictColumn): Filling {
  const { room, read } = KINDS[kind];
  const one = read() as Filling["read"];
  if (!sequence) return { name, values: room(), read: one };
  return { name, values: new Array(GROUP_ROWS), read: (list) => (list as readonly number[]).map(one) };
}

/** formatTime's inverse: RFC 3339 with nine digits to nanoseconds since the epoch. */
export function nanoseconds(time: string): bigint {
  return timeReader()(time);
}

/** Times that follow each other are mostly of one second: it is read once. */
function timeReader(): (time: string) => bigint {
  let second = "";
  let ns = 0n;
  return (time) => {
    const whole = time.slice(0, -".000000000Z".length);
    if (whole !== second) {
      second = whole;
      ns = BigInt(Date.parse(`${whole}Z`)) * 1_000_000n;
    }
    return ns + BigInt(Number(time.slice(-"000000000Z".length, -1)));
  };
}

/** Opens a Parquet file of verdicts. It is readable once it is closed: Parquet's index comes last. */
export async function openParquetWriter(path: string, shape: VerdictShape): Promise<VerdictWriter> {
  const columns = verdictColumns(shape);
  const file: FileHandle = await open(path, "w");
  const buffer = new ByteWriter();
  const flush = async (): Promise<void> => {
    const bytes = new Uint8Array(buffer.buffer, 0, buffer.index).slice();
    buffer.index = 0; // `offset`, the position in the file, goes on
    await file.appendFile(bytes);
  };
  const writer = new ParquetWriter({
    writer: buffer,
    schema: [{ name: "verdicts", num_children: columns.length }, ...columns.flatMap(schemaOf)],
  });
  const fillings = columns.map(fillingOf);
  let filled = 0;
  const writeGroup = async (): Promise<void> => {
    const count = filled;
    filled = 0;
    const columnData = fillings.map(
      ({ name, values }): ColumnSource => ({ name, data: values.slice(0, count) as unknown[] }),
    );
    await writer.write({ columnData, rowGroupSize: GROUP_ROWS });
    await flush();
  };
  return {
    async write(rows) {
      for (let from = 0; from < rows.length; ) {
        const count = Math.min(rows.length - from, GROUP_ROWS - filled);
        for (const { name, values, read } of fillings)
          for (let i = 0; i < count; i++) values[filled + i] = read(rows[from + i]![name]) as never;
        filled += count;
        from += count;
        if (filled === GROUP_ROWS) await writeGroup();
      }
    },
    async close() {
      try {
        if (filled > 0) await writeGroup();
        await writer.finish();
        await flush();
      } finally {
        await file.close();
      }
    },
  };
}
