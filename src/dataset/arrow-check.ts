// Looks at the lists in an Arrow IPC file's metadata before Arrow's reader does: it goes through a list for as long as the
// list says that it is, so that one damaged byte could keep it busy for hours. Bounds alone; what the lists say is Arrow's
// to read. Layout: https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format, tables as in File.fbs, Message.fbs
// and Schema.fbs, in flatbuffers (https://flatbuffers.dev/internals): a table starts with the signed distance back to its
// vtable, which holds u16 its size, u16 the table's, and for each field u16 where it is in the table, 0 = absent.

// At the end of the file: i32 length of the footer, "ARROW1".
const TAIL_BYTES = 10;
const BLOCK_BYTES = 24;
// Before the metadata of a message: ff ff ff ff, i32 length.
const PREFIX_BYTES = 8;
const [SCHEMA, DICTIONARY_BATCH, RECORD_BATCH] = [1, 2, 3];

/** @throws Error, and RangeError for what points out of the file, where the metadata cannot be right. */
export function checkArrowMetadata(bytes: Uint8Array): void {
  const file = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const footerBytes = file.getInt32(bytes.length - TAIL_BYTES, true);
  const footer = part(file, bytes.length - TAIL_BYTES - footerBytes, footerBytes);
  const root = footer.getUint32(0, true);
  checkSchema(footer, table(footer, root, 1));
  for (const field of [2, 3]) {
    const { at, length } = list(footer, root, field, BLOCK_BYTES);
    for (let i = 0; i < length; i++) {
      const block = at + i * BLOCK_BYTES;
      const offset = Number(footer.getBigInt64(block, true));
      const metadataBytes = footer.getInt32(block + 8, true);
      checkMessage(part(file, offset + PREFIX_BYTES, metadataBytes - PREFIX_BYTES));
    }
  }
}

function checkMessage(message: DataView): void {
  const root = message.getUint32(0, true);
  const kindAt = fieldAt(message, root, 1);
  const kind = kindAt === 0 ? 0 : message.getUint8(kindAt);
  const header = table(message, root, 2);
  list(message, root, 4, 4);
  if (kind === SCHEMA) checkSchema(message, header);
  else if (kind === RECORD_BATCH) checkBatch(message, header);
  else if (kind === DICTIONARY_BATCH && header !== 0) checkBatch(message, table(message, header, 1));
}

function checkBatch(message: DataView, batch: number): void {
  if (batch === 0) return;
  for (const [field, itemBytes] of [
    [1, 16], // nodes: length, null count
    [2, 16], // buffers: offset, length
    [4, 8], // variadic buffer counts
  ] as const) {
    list(message, batch, field, itemBytes);
  }
}

function checkSchema(metadata: DataView, schema: number): void {
  if (schema === 0) return;
  list(metadata, schema, 2, 4);
  // Fields nest, and damaged ones may in circles: more than there is room for are not there.
  let left = metadata.byteLength / 4;
  const fields: [parent: number, field: number][] = [[schema, 1]];
  for (let pair = fields.pop(); pair !== undefined; pair = fields.pop()) {
    const { at, length } = list(metadata, pair[0], pair[1], 4);
    for (let i = 0; i < length; i++) {
      if (--left < 0) throw new Error("its schema goes in circles");
      const child = at + 4 * i + metadata.getUint32(at + 4 * i, true);
      list(metadata, child, 6, 4);
      fields.push([child, 5]);
    }
  }
}

function part(file: DataView, offset: number, length: number): DataView {
  return new DataView(file.buffer, file.byteOffset + offset, length);
}

/** Where a field of a table is, 0 = absent. */
function fieldAt(metadata: DataView, at: number, field: number): number {
  const vtable = at - metadata.getInt32(at, true);
  const entry = 4 + 2 * field;
  if (entry >= metadata.getUint16(vtable, true)) return 0;
  const offset = metadata.getUint16(vtable + entry, true);
  return offset === 0 ? 0 : at + offset;
}

/** Where the table is that a field refers to, 0 = absent. */
function table(metadata: DataView, at: number, field: number): number {
  const reference = fieldAt(metadata, at, field);
  return reference === 0 ? 0 : reference + metadata.getUint32(reference, true);
}

/** Where the first item of a list is, and how many there are: as many as fit. */
function list(
  metadata: DataView,
  at: number,
  field: number,
  itemBytes: number,
): { at: number; length: number } {
  const start = table(metadata, at, field);
  if (start === 0) return { at: 0, length: 0 };
  const length = metadata.getUint32(start, true);
  if (start + 4 + length * itemBytes > metadata.byteLength)
    throw new Error(`a list of ${length} items where ${metadata.byteLength} bytes are`);
  return { at: start + 4, length };
}
