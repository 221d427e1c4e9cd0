// sessions.arrow: an Arrow IPC file (https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format), one row a session.
// Images are FixedSizeList<uint8>[784]: polars opens that as Array(u8, 784) and DuckDB as UTINYINT[784], numbers that compute,
// where FixedSizeBinary would be opaque bytes to both; in the file the two have the same layout, one run of 784 bytes a row.
import { open, rename, rm } from "node:fs/promises";
import {
  type Data,
  type DataType,
  Dictionary,
  Field,
  FixedSizeList,
  Int32,
  Int64,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  RecordBatchReader,
  Schema,
  Struct,
  Timestamp,
  TimeUnit,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
  Vector,
} from "apache-arrow";
import { FlowglyphError } from "../../bindings/errors.ts";
import { systemReason } from "../system-error.ts";
import { checkArrowMetadata } from "./arrow-check.ts";
import { asBlocks, type BlockedDataset } from "./blocks.ts";
import {
  type ColumnKind,
  type ColumnValues,
  FILE_COLUMNS,
  makeNumbers,
  type NumberValues,
  presentColumns,
  rowOf,
} from "./columns.ts";
import { manifestOf } from "./dataset.ts";
import { readWholeFile } from "./read-file.ts";
import { type Dataset, END_REASONS, IMAGE_BYTES, type SessionColumns } from "./types.ts";

export const ARROW_FILE = "sessions.arrow";

// 16,384 rows are 12.25 MiB of images: large enough to scan fast, small enough to stream.
const BATCH_ROWS = 16_384;

const imageType = (): FixedSizeList<Uint8> =>
  new FixedSizeList(IMAGE_BYTES, new Field("item", new Uint8(), false));
const dictionaryType = (id: number): Dictionary<Utf8, Int32> => new Dictionary(new Utf8(), new Int32(), id);

// The Arrow type of each kind of column (columns.ts); end reasons are dictionary 2.
const ARROW_TYPES: Readonly<Record<ColumnKind, () => DataType>> = {
  u8: () => new Uint8(),
  u16: () => new Uint16(),
  u32: () => new Uint32(),
  u64: () => new Uint64(),
  i64: () => new Int64(),
  time: () => new Timestamp(TimeUnit.NANOSECOND, "UTC"),
  protocol: () => new Uint8(),
  address: () => new Utf8(),
  endReason: () => dictionaryType(2),
};
/** `steps` values in a row: a list of fixed length. */
const sequenceType = (kind: ColumnKind, steps: number): FixedSizeList =>
  new FixedSizeList(steps, new Field("item", ARROW_TYPES[kind](), false));

/**
 * Writes a dataset in record batches, straight from the arrays that hold it. The file appears under its name when it is whole.
 * @throws FlowglyphError ERR_IO
 */
export async function writeArrowFile(path: string, given: Dataset | BlockedDataset): Promise<void> {
  const dataset = asBlocks(given);
  const partial = `${path}.partial`;
  try {
    const file = await open(partial, "w");
    try {
      const writer = new RecordBatchFileWriter();
      // The writer queues views of the batch's arrays; draining between batches keeps the queue short.
      const chunks = writer[Symbol.asyncIterator]();
      const writing = (async () => {
        for await (const chunk of { [Symbol.asyncIterator]: () => chunks }) await file.writev([chunk]);
      })();
      const schema = schemaOf(dataset);
      for (const batch of recordBatches(dataset, schema)) writer.write(batch);
      writer.finish();
      await writing;
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw new FlowglyphError("ERR_IO", `Cannot write ${path}: ${systemReason(error)}`, { cause: error });
  }
}

function schemaOf(dataset: BlockedDataset): Schema {
  const fields: Field[] = [
    new Field("image", imageType(), false),
    new Field("label", dictionaryType(0), true),
  ];
  if (dataset.groups !== undefined) fields.push(new Field("capture", dictionaryType(1), false));
  if (dataset.columns !== undefined) {
    for (const { name, kind, sequence, steps } of presentColumns(dataset.columns, dataset.count))
      fields.push(new Field(name, sequence ? sequenceType(kind, steps) : ARROW_TYPES[kind](), false));
  }
  if (dataset.testRows !== undefined) fields.push(new Field("test", new Uint8(), false));
  return new Schema(fields, new Map([["flowglyph", JSON.stringify(manifestOf(dataset))]]));
}

function* recordBatches(dataset: BlockedDataset, schema: Schema): Generator<RecordBatch> {
  const classes = textVector(dataset.classes);
  const captures = textVector(dataset.groupNames);
  const endReasons = textVector(END_REASONS);
  const isTest = dataset.testRows && new Uint8Array(dataset.count);
  for (const row of dataset.testRows ?? []) isTest![row] = 1;
  const batch = (from: number, to: number, images: Uint8Array): RecordBatch => {
    const columns: Data[] = [
      imageData(images),
      dictionaryData(0, classes, dataset.labels.subarray(from, to)),
      ...(dataset.groups
        ? [dictionaryData(1, captures, Int32Array.from(dataset.groups.subarray(from, to)))]
        : []),
      ...(dataset.columns ? sessionData(dataset.columns, dataset.count, from, to, endReasons) : []),
      ...(isTest ? [makeData({ type: new Uint8(), data: isTest.subarray(from, to) })] : []),
    ];
    return new RecordBatch(
      schema,
      makeData({ type: new Struct(schema.fields), length: to - from, children: columns }),
    );
  };
  if (dataset.count === 0) yield batch(0, 0, new Uint8Array());
  let row = 0;
  for (const block of dataset.blocks) {
    for (let at = 0; at < block.length; at += BATCH_ROWS * IMAGE_BYTES) {
      const images = block.subarray(at, at + BATCH_ROWS * IMAGE_BYTES);
      const rows = images.length / IMAGE_BYTES;
      yield batch(row, row + rows, images);
      row += rows;
    }
  }
}

function imageData(images: Uint8Array): Data {
  const child = makeData({ type: new Uint8(), data: images });
  return makeData({ type: imageType(), length: images.length / IMAGE_BYTES, child });
}

function sessionData(
  columns: SessionColumns,
  count: number,
  from: number,
  to: number,
  endReasons: Vector<Utf8>,
): Data[] {
  return presentColumns(columns, count).map(({ kind, sequence, steps, values }) => {
    if (kind === "address") return textData((values as readonly string[]).slice(from, to));
    const data = (values as NumberValues).subarray(from * steps, to * steps);
    if (kind === "endReason") return dictionaryData(2, endReasons, Int32Array.from(data as Uint8Array));
    const numbers = makeData({ type: ARROW_TYPES[kind](), data } as never) as Data;
    if (!sequence) return numbers;
    return makeData({ type: sequenceType(kind, steps), length: to - from, child: numbers });
  });
}

function textData(values: readonly string[]): Data<Utf8> {
  const valueOffsets = new Int32Array(values.length + 1);
  for (const [i, value] of values.entries())
    valueOffsets[i + 1] = valueOffsets[i]! + Buffer.byteLength(value);
  return makeData({
    type: new Utf8(),
    length: values.length,
    valueOffsets,
    data: Buffer.from(values.join("")),
  });
}

const textVector = (values: readonly string[]): Vector<Utf8> => new Vector([textData(values)]);

/** A dictionary column; a negative index is a null. */
function dictionaryData(id: number, dictionary: Vector<Utf8>, indices: Int32Array): Data {
  const nulls = indices.reduce((count, index) => count + (index < 0 ? 1 : 0), 0);
  const shared = { type: dictionaryType(id), length: indices.length, dictionary };
  if (nulls === 0) return makeData({ ...shared, data: indices });
  const nullBitmap = new Uint8Array(Math.ceil(indices.length / 64) * 8);
  for (const [i, index] of indices.entries()) if (index >= 0) nullBitmap[i >> 3]! |= 1 << (i & 7);
  return makeData({
    ...shared,
    data: indices.map((index) => Math.max(0, index)),
    nullCount: nulls,
    nullBitmap,
  });
}

/** What the Arrow file holds of a dataset; its manifest is beside it. */
export type ArrowContent = Omit<Dataset, "manifest">;

/**
 * Reads a file of `writeArrowFile`. Images are not copied: with one record batch they are a view of the file's bytes as read;
 * with several they are moved together within those bytes.
 * @throws FlowglyphError ERR_IO, ERR_DATASET_FORMAT
 */
export async function readArrowFile(path: string): Promise<ArrowContent> {
  const bytes = await readWholeFile(path);
  let schema: Schema;
  let batches: RecordBatch[];
  try {
    checkArrowMetadata(bytes);
    const reader = RecordBatchReader.from(bytes).open();
    schema = reader.schema; // it is gone once the reader has come to its end
    batches = [...reader];
    if (schema === undefined) throw new Error("no schema");
  } catch (error) {
    throw arrowError(path, "it is cut short, or no Arrow file", error);
  }
  try {
    return decode(path, bytes, schema, batches);
  } catch (error) {
    if (error instanceof FlowglyphError) throw error;
    throw arrowError(path, "its columns are damaged", error);
  }
}

const arrowError = (path: string, received: string, cause?: unknown): FlowglyphError =>
  new FlowglyphError(
    "ERR_DATASET_FORMAT",
    `${path}: expected an Arrow IPC file of sessions but ${received}`,
    { cause },
  );

function decode(
  path: string,
  bytes: Uint8Array,
  schema: Schema,
  batches: readonly RecordBatch[],
): ArrowContent {
  const count = batches.reduce((sum, batch) => sum + batch.numRows, 0);
  const has = (name: string): boolean => schema.fields.some((field) => field.name === name);
  const column = (name: string, type: { toString(): string }, nullable = false): Data[] => {
    const index = schema.fields.findIndex((field) => field.name === name);
    if (index < 0) throw arrowError(path, `it has no column ${name}`);
    const received = String(schema.fields[index]!.type);
    if (received !== String(type)) throw arrowError(path, `column ${name} is ${received} and not ${type}`);
    const data = batches.map((batch) => batch.data.children[index]!);
    if (!nullable && data.some(({ nullCount }) => nullCount > 0))
      throw arrowError(path, `column ${name} holds nulls`);
    return data;
  };
  // Everything else before the images: moving them together overwrites what lies between.
  const label = dictionaryColumn(path, "label", column("label", dictionaryType(0), true), count);
  const capture = has("capture")
    ? dictionaryColumn(path, "capture", column("capture", dictionaryType(1)), count)
    : undefined;
  const columns = has("start_time") ? sessionColumns(path, schema, column, count) : undefined;
  let testRows: Uint32Array | undefined;
  if (has("test")) {
    const isTest = joined(new Uint8Array(count), column("test", new Uint8()));
    testRows = Uint32Array.from(Array.from(isTest.keys()).filter((row) => isTest[row] !== 0));
  }
  return {
    count,
    images: joinImages(path, bytes, column("image", imageType()), count),
    labels: label.indices,
    classes: label.names,
    groups: capture && Uint32Array.from(capture.indices),
    groupNames: capture?.names ?? [],
    columns,
    testRows,
  };
}

/** Every column of the table; those that may be missing and are, are left out. */
function sessionColumns(
  path: string,
  schema: Schema,
  column: (name: string, type: { toString(): string }) => Data[],
  count: number,
): SessionColumns {
  const columns = FILE_COLUMNS.flatMap((name): (readonly [string, ColumnValues])[] => {
    const { column: inMemory, kind, optional = false, sequence = false } = rowOf(name);
    const field = schema.fields.find((candidate) => candidate.name === name);
    if (field === undefined && optional) return [];
    if (kind === "address") return [[inMemory, textColumn(column(name, ARROW_TYPES[kind]()))]];
    if (kind === "endReason")
      return [[inMemory, endReasonCodes(path, column(name, ARROW_TYPES[kind]()), count)]];
    if (!sequence) return [[inMemory, joined(makeNumbers(kind, count), column(name, ARROW_TYPES[kind]()))]];
    const steps = field?.type instanceof FixedSizeList ? field.type.listSize : 1;
    const rows = column(name, sequenceType(kind, steps));
    const values = rows.map((chunk) => chunk.children[0]!);
    if (values.some((chunk, i) => chunk.length !== rows[i]!.length * steps))
      throw arrowError(path, `column ${name} is cut short`);
    return [[inMemory, joined(makeNumbers(kind, count * steps), values)]];
  });
  return Object.fromEntries(columns) as unknown as SessionColumns;
}

const textColumn = (data: readonly Data[]): string[] =>
  data.flatMap((chunk) => Array.from(new Vector([chunk as Data<Utf8>]), (value) => value ?? ""));

function endReasonCodes(path: string, data: readonly Data[], count: number): Uint8Array {
  const { indices, names } = dictionaryColumn(path, "end_reason", data, count);
  const codes = names.map((name) => (END_REASONS as readonly string[]).indexOf(name));
  if (codes.includes(-1)) throw arrowError(path, `column end_reason holds ${names[codes.indexOf(-1)]}`);
  return Uint8Array.from(indices, (index) => codes[index]!);
}

/** Copies the values of all batches into one typed array. */
function joined<T extends { set(values: never, at: number): void }>(target: T, data: readonly Data[]): T {
  let at = 0;
  for (const chunk of data) {
    const values = (chunk.values as Uint8Array).subarray(0, chunk.length);
    if (values.length < chunk.length)
      throw new Error(`${values.length} values where ${chunk.length} rows are`);
    target.set(values as never, at);
    at += chunk.length;
  }
  return target;
}

/** Indices into the dictionary, -1 for nulls, checked against the dictionary's length. */
function dictionaryColumn(
  path: string,
  name: string,
  data: readonly Data[],
  count: number,
): { indices: Int32Array; names: string[] } {
  const indices = joined(new Int32Array(count), data);
  const dictionary = data.at(-1)?.dictionary as Vector<Utf8> | undefined;
  const names = dictionary === undefined ? [] : Array.from(dictionary, (value) => value ?? "");
  let row = 0;
  for (const chunk of data) {
    for (let i = 0; i < chunk.length; i++, row++) {
      if (chunk.nullCount > 0 && !chunk.getValid(i)) indices[row] = -1;
      else if (indices[row]! < 0 || indices[row]! >= names.length) {
        throw arrowError(
          path,
          `column ${name} holds index ${indices[row]} of ${names.length} names (row ${row})`,
        );
      }
    }
  }
  return { indices, names };
}

function joinImages(path: string, bytes: Uint8Array, data: readonly Data[], count: number): Uint8Array {
  const parts = data.map((chunk) =>
    (chunk.children[0]!.values as Uint8Array).subarray(0, chunk.length * IMAGE_BYTES),
  );
  for (const [i, part] of parts.entries()) {
    if (part.length !== data[i]!.length * IMAGE_BYTES) throw arrowError(path, "its images are cut short");
  }
  const first = parts[0];
  if (first === undefined) return new Uint8Array();
  // Each part moves towards the start of the file; a part that lies elsewhere (another writer's padding) makes us copy.
  let inPlace = true;
  let end = first.byteOffset;
  for (const part of parts) {
    inPlace &&= part.buffer === bytes.buffer && part.byteOffset >= end;
    end += part.length;
  }
  const images = inPlace
    ? new Uint8Array(bytes.buffer, first.byteOffset, count * IMAGE_BYTES)
    : new Uint8Array(count * IMAGE_BYTES);
  let at = 0;
  for (const part of parts) {
    images.set(part, at);
    at += part.length;
  }
  return images;
}
