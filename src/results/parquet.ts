// Verdicts as Apache Parquet, a row group at a time: memory holds one row group, never the file.
import { type FileHandle, open } from "node:fs/promises";
import { ByteWriter, type ColumnSource, ParquetWriter, type SchemaElement } from "hyparquet-writer";
import type { VerdictRow } from "./verdict-row.ts";
import type { VerdictWriter } from "./writer.ts";

// Large enough to compress and scan well, about 15 MB of rows.
const GROUP_ROWS = 65_536;

type Value = string | number | bigint;

interface ParquetColumn {
  readonly name: keyof VerdictRow;
  readonly type: Omit<SchemaElement, "name" | "repetition_type">;
  readonly read: (row: VerdictRow) => Value;
}

const TEXT = { type: "BYTE_ARRAY", converted_type: "UTF8" } as const;
const COUNT = { type: "INT64" } as const;
const PORT = { type: "INT32", converted_type: "UINT_16" } as const;
const TIME = {
  type: "INT64",
  logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "NANOS" },
} as const;

const as = (
  name: keyof VerdictRow,
  type: ParquetColumn["type"],
  convert: (value: string | number) => Value = (value) => value,
): ParquetColumn => ({ name, type, read: (row) => convert(row[name]) });

// The columns of every results file, in their order.
const COLUMNS: readonly ParquetColumn[] = [
  as("capture", TEXT),
  as("protocol", TEXT),
  as("initiator_address", TEXT),
  as("initiator_port", PORT),
  as("responder_address", TEXT),
  as("responder_port", PORT),
  as("start_time", TIME, (text) => nanoseconds(String(text))),
  as("end_time", TIME, (text) => nanoseconds(String(text))),
  as("initiator_packets", COUNT, BigInt),
  as("responder_packets", COUNT, BigInt),
  as("initiator_bytes", COUNT, BigInt),
  as("responder_bytes", COUNT, BigInt),
  as("class", TEXT),
  as("probability", { type: "DOUBLE" }),
];

/** formatTime's inverse: RFC 3339 with nine digits to nanoseconds since the epoch. */
export function nanoseconds(time: string): bigint {
  return BigInt(Date.parse(`${time.slice(0, -11)}Z`)) * 1_000_000n + BigInt(time.slice(-10, -1));
}

/** Opens a Parquet file of verdicts. It is readable once it is closed: Parquet's index comes last. */
export async function openParquetWriter(path: string): Promise<VerdictWriter> {
  const file: FileHandle = await open(path, "w");
  const buffer = new ByteWriter();
  const flush = async (): Promise<void> => {
    const bytes = new Uint8Array(buffer.buffer, 0, buffer.index).slice();
    buffer.index = 0; // `offset`, the position in the file, goes on
    await file.appendFile(bytes);
  };
  const writer = new ParquetWriter({
    writer: buffer,
    schema: [
      { name: "verdicts", num_children: COLUMNS.length },
      ...COLUMNS.map(({ name, type }): SchemaElement => ({ name, ...type, repetition_type: "REQUIRED" })),
    ],
  });
  let pending: VerdictRow[] = [];
  const writeGroup = async (): Promise<void> => {
    const rows = pending;
    pending = [];
    const columnData = COLUMNS.map(({ name, read }): ColumnSource => ({ name, data: rows.map(read) }));
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
