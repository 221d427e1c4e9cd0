// Verdicts as Apache Parquet, a row group at a time: memory holds one row group, never the file.
import { type FileHandle, open } from "node:fs/promises";
import { ByteWriter, type ColumnSource, ParquetWriter, type SchemaElement } from "hyparquet-writer";
import { type VerdictColumn, type VerdictRow, type VerdictShape, verdictColumns } from "./verdict-row.ts";
import type { VerdictWriter } from "./writer.ts";

// Large enough to compress and scan well, about 15 MB of rows.
const GROUP_ROWS = 65_536;

type Value = string | number | bigint;
type ParquetType = Omit<SchemaElement, "name" | "repetition_type">;

interface ParquetKind {
  readonly type: ParquetType;
  readonly read: (value: string | number) => Value;
}

const asIs = (value: string | number): Value => value;
const TEXT: ParquetKind = { type: { type: "BYTE_ARRAY", converted_type: "UTF8" }, read: asIs };
const COUNT: ParquetKind = { type: { type: "INT64" }, read: BigInt };
// The Parquet type of each kind of column, and how a row's value becomes it.
const KINDS: Readonly<Record<VerdictColumn["kind"], ParquetKind>> = {
  u8: { type: { type: "INT32", converted_type: "UINT_8" }, read: asIs },
  u16: { type: { type: "INT32", converted_type: "UINT_16" }, read: asIs },
  u32: COUNT,
  u64: COUNT,
  i64: COUNT,
  time: {
    type: { type: "INT64", logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "NANOS" } },
    read: (text) => nanoseconds(String(text)),
  },
  protocol: TEXT,
  address: TEXT,
  endReason: TEXT,
  text: TEXT,
  probability: { type: { type: "DOUBLE" }, read: asIs },
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

function dataOf({ name, kind, sequence }: VerdictColumn, rows: readonly VerdictRow[]): unknown[] {
  const { read } = KINDS[kind];
  if (!sequence) return rows.map((row) => read(row[name] as string | number));
  return rows.map((row) => (row[name] as readonly number[]).map(read));
}

/** formatTime's inverse: RFC 3339 with nine digits to nanoseconds since the epoch. */
export function nanoseconds(time: string): bigint {
  return BigInt(Date.parse(`${time.slice(0, -11)}Z`)) * 1_000_000n + BigInt(time.slice(-10, -1));
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
  let pending: VerdictRow[] = [];
  const writeGroup = async (): Promise<void> => {
    const rows = pending;
    pending = [];
    const columnData = columns.map(
      (column): ColumnSource => ({ name: column.name, data: dataOf(column, rows) }),
    );
    await writer.write({ columnData, rowGroupSize: GROUP_ROWS });
    await flush();
  };
  return {
    async write(rows) {
      for (const row of rows) pending.push(row);
      if (pending.length >= GROUP_ROWS) await writeGroup();
    },
    async close() {
      try {
        if (pending.length > 0) await writeGroup();
        await writer.finish();
        await flush();
      } finally {
        await file.close();
      }
    },
  };
}
