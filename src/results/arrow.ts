// Verdicts as an Apache Arrow IPC file, a record batch at a time: memory holds one, never the file.
// https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format
import { open } from "node:fs/promises";
import {
  type Data,
  type DataType,
  Field,
  Float64,
  Int64,
  List,
  makeBuilder,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  Schema,
  Struct,
  Timestamp,
  TimeUnit,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
} from "apache-arrow";
import { nanoseconds } from "./parquet.ts";
import { type VerdictColumn, type VerdictRow, type VerdictShape, verdictColumns } from "./verdict-row.ts";
import type { VerdictWriter } from "./writer.ts";

const BATCH_ROWS = 65_536;

type Value = string | number | bigint;

interface ArrowKind {
  readonly type: () => DataType;
  readonly read: (value: string | number) => Value;
  /** Absent for text. */
  readonly array?: (values: Iterable<Value>) => ArrayBufferView;
}

const asIs = (value: string | number): Value => value;
const numbers =
  <T extends ArrayBufferView>(kind: { from(values: Iterable<number>): T }) =>
  (values: Iterable<Value>): T =>
    kind.from(values as Iterable<number>);
const bigs =
  <T extends ArrayBufferView>(kind: { from(values: Iterable<bigint>): T }) =>
  (values: Iterable<Value>): T =>
    kind.from(values as Iterable<bigint>);
const TEXT: ArrowKind = { type: () => new Utf8(), read: asIs };
// The Arrow type of each kind of column, and how a row's value becomes it.
const KINDS: Readonly<Record<VerdictColumn["kind"], ArrowKind>> = {
  u8: { type: () => new Uint8(), read: asIs, array: numbers(Uint8Array) },
  u16: { type: () => new Uint16(), read: asIs, array: numbers(Uint16Array) },
  u32: { type: () => new Uint32(), read: asIs, array: numbers(Uint32Array) },
  u64: { type: () => new Uint64(), read: BigInt, array: bigs(BigUint64Array) },
  i64: { type: () => new Int64(), read: BigInt, array: bigs(BigInt64Array) },
  time: {
    type: () => new Timestamp(TimeUnit.NANOSECOND, "UTC"),
    read: (text) => nanoseconds(String(text)),
    array: bigs(BigInt64Array),
  },
  protocol: TEXT,
  address: TEXT,
  endReason: TEXT,
  text: TEXT,
  probability: { type: () => new Float64(), read: asIs, array: numbers(Float64Array) },
};

/** The values of a column. */
function dataOf(type: DataType, { read, array }: ArrowKind, values: readonly (string | number)[]): Data {
  if (array !== undefined) {
    return makeData({ type, length: values.length, data: array(values.map(read)) } as never) as Data;
  }
  const builder = makeBuilder({ type, nullValues: null });
  for (const value of values) builder.append(value);
  return builder.finish().flush();
}

/** A list a row. */
function listData(type: List, kind: ArrowKind, rows: readonly (readonly number[])[]): Data {
  const valueOffsets = new Int32Array(rows.length + 1);
  for (const [i, row] of rows.entries()) valueOffsets[i + 1] = valueOffsets[i]! + row.length;
  const child = dataOf(type.children[0]!.type, kind, rows.flat());
  return makeData({ type, length: rows.length, valueOffsets, child });
}

function fieldOf({ name, kind, sequence }: VerdictColumn): Field {
  const type = KINDS[kind].type();
  return new Field(name, sequence ? new List(new Field("item", type, false)) : type, false);
}

/** Opens an Arrow file of verdicts. It is readable once it is closed: its footer comes last. */
export async function openArrowWriter(path: string, shape: VerdictShape): Promise<VerdictWriter> {
  const columns = verdictColumns(shape);
  const schema = new Schema(columns.map(fieldOf));
  const file = await open(path, "w");
  const writer = new RecordBatchFileWriter();
  const chunks = writer[Symbol.asyncIterator]();
  let failure: { readonly error: unknown } | undefined;
  // What the writer has made is written as it comes; a failure is told at the next call.
  const writing = (async () => {
    for await (const chunk of { [Symbol.asyncIterator]: () => chunks }) {
      if (failure === undefined) await file.writeFile(chunk).catch((error: unknown) => (failure = { error }));
    }
  })();
  let pending: VerdictRow[] = [];
  let empty = true;
  const writeBatch = async (): Promise<void> => {
    const rows = pending;
    pending = [];
    empty = false;
    const children = columns.map(({ name, kind, sequence }, i) => {
      const { type } = schema.fields[i]!;
      const values = rows.map((row) => row[name]);
      return sequence
        ? listData(type as List, KINDS[kind], values as (readonly number[])[])
        : dataOf(type, KINDS[kind], values as (string | number)[]);
    });
    const data = makeData({ type: new Struct(schema.fields), length: rows.length, children });
    writer.write(new RecordBatch(schema, data));
    // The writer's queue empties in turns of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    if (failure !== undefined) throw failure.error;
  };
  return {
    async write(rows) {
      for (const row of rows) pending.push(row);
      if (pending.length >= BATCH_ROWS) await writeBatch();
    },
    async close() {
      try {
        if (pending.length > 0 || empty) await writeBatch();
        writer.finish();
        await writing;
        if (failure !== undefined) throw failure.error;
      } finally {
        await file.close();
      }
    },
  };
}
