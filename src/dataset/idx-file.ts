// One IDX file (MNIST's format, http://yann.lecun.com/exdb/mnist), plain or gzipped: header checks, reading, writing.
// Layout, big-endian: u16 zero, u8 type (8 = unsigned byte), u8 number of dimensions, u32 per dimension, then the bytes.
// It knows nothing of folders, classes or splits: see idx.ts.
import { constants } from "node:buffer";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { finished } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { FlowglyphError } from "../../bindings/errors.ts";
import { systemReason } from "../system-error.ts";
import { IMAGE_BYTES } from "./types.ts";

export type IdxKind = "images" | "labels";

const MAGIC = { images: 0x00000803, labels: 0x00000801 } as const;
const HEADER_BYTES = { images: 16, labels: 8 } as const;
const IMAGE_SIDE = 28;
// Deflate cannot expand by more than 1032 to 1 (zlib, "Maximum Compression Ratio"): a header that claims more is a lie, and
// is refused before memory is asked for.
const MAX_DEFLATE_RATIO = 1032;

const hex = (value: number): string => `0x${value.toString(16).padStart(8, "0")}`;
const formatError = (path: string, message: string, cause?: unknown): FlowglyphError =>
  new FlowglyphError("ERR_DATASET_FORMAT", `${path}: ${message}`, { cause });

/** The decompressed bytes of a file; gzip is recognised by its magic number, not by the file's name. */
async function* contentChunks(path: string): AsyncGenerator<Buffer> {
  const { compressed } = await probe(path);
  const file = createReadStream(path, { highWaterMark: 1 << 20 });
  if (!compressed) {
    yield* file;
    return;
  }
  const gunzip = createGunzip({ chunkSize: 1 << 20 });
  file.once("error", (error) => gunzip.destroy(error));
  file.pipe(gunzip);
  try {
    yield* gunzip;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "Z_BUF_ERROR")
      throw formatError(path, "expected a whole gzip file but it ends early", error);
    if (code?.startsWith("Z_")) {
      throw formatError(path, `expected a gzip file but it is damaged (${(error as Error).message})`, error);
    }
    throw error;
  } finally {
    file.destroy();
  }
}

async function probe(path: string): Promise<{ compressed: boolean; fileBytes: number }> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(path, "r");
  } catch (error) {
    throw new FlowglyphError("ERR_IO", `Cannot open ${path}: ${systemReason(error)}`, { cause: error });
  }
  try {
    const start = new Uint8Array(2);
    const { bytesRead } = await handle.read(start, 0, 2, 0);
    const { size } = await handle.stat();
    return { compressed: bytesRead === 2 && start[0] === 0x1f && start[1] === 0x8b, fileBytes: size };
  } finally {
    await handle.close();
  }
}

function checkHeader(path: string, kind: IdxKind, header: Buffer): number {
  if (header.length < HEADER_BYTES[kind]) {
    throw formatError(
      path,
      `expected an IDX header of ${HEADER_BYTES[kind]} bytes but the file holds ${header.length}`,
    );
  }
  const magic = header.readUInt32BE(0);
  if (magic !== MAGIC[kind]) {
    throw formatError(path, `expected IDX magic ${hex(MAGIC[kind])} (${kind}) but received ${hex(magic)}`);
  }
  if (kind === "images") {
    const [rows, columns] = [header.readUInt32BE(8), header.readUInt32BE(12)];
    if (rows !== IMAGE_SIDE || columns !== IMAGE_SIDE) {
      throw formatError(path, `expected images of 28 x 28 but received ${rows} x ${columns}`);
    }
  }
  return header.readUInt32BE(4);
}

/** Number of items that a file's header announces, after checks of magic, dimensions and the file's size. */
export async function readIdxCount(path: string, kind: IdxKind): Promise<number> {
  const { compressed, fileBytes } = await probe(path);
  let header = Buffer.alloc(0);
  for await (const chunk of contentChunks(path)) {
    header = Buffer.concat([header, chunk.subarray(0, HEADER_BYTES[kind] - header.length)]);
    if (header.length >= HEADER_BYTES[kind]) break;
  }
  const count = checkHeader(path, kind, header);
  const contentBytes = HEADER_BYTES[kind] + count * itemBytes(kind);
  if (!compressed && fileBytes !== contentBytes) {
    throw formatError(
      path,
      `expected ${contentBytes} bytes for ${count} ${kind} but the file holds ${fileBytes}`,
    );
  }
  if (compressed && contentBytes > fileBytes * MAX_DEFLATE_RATIO) {
    throw formatError(
      path,
      `its header announces ${count} ${kind}, more than ${fileBytes} gzipped bytes can hold`,
    );
  }
  if (count * itemBytes(kind) > constants.MAX_LENGTH) {
    throw formatError(path, `its ${count} ${kind} need more than ${constants.MAX_LENGTH} bytes in one array`);
  }
  return count;
}

const itemBytes = (kind: IdxKind): number => (kind === "images" ? IMAGE_BYTES : 1);

/** Fills `target` with the file's items; throws where the file holds fewer or more. */
export async function readIdxInto(path: string, kind: IdxKind, target: Uint8Array): Promise<void> {
  let skip = HEADER_BYTES[kind];
  let filled = 0;
  let surplus = 0;
  for await (const chunk of contentChunks(path)) {
    const body = chunk.subarray(Math.min(skip, chunk.length));
    skip -= chunk.length - body.length;
    const fits = body.subarray(0, target.length - filled);
    target.set(fits, filled);
    filled += fits.length;
    surplus += body.length - fits.length;
    if (surplus > 0) break;
  }
  const expected = `expected ${target.length} bytes of ${kind} after the header but`;
  if (surplus > 0) throw formatError(path, `${expected} the file holds more`);
  if (filled < target.length) throw formatError(path, `${expected} received ${filled}: it ends early`);
}

/**
 * Writes one IDX file from pieces, gzipped where the name ends in `.gz`. It is written under another name and renamed at
 * the end, so that a file of the final name is always whole.
 */
export async function writeIdxFile(
  path: string,
  kind: IdxKind,
  count: number,
  pieces: Iterable<Uint8Array>,
): Promise<void> {
  const header = Buffer.alloc(HEADER_BYTES[kind]);
  header.writeUInt32BE(MAGIC[kind], 0);
  header.writeUInt32BE(count, 4);
  if (kind === "images") {
    header.writeUInt32BE(IMAGE_SIDE, 8);
    header.writeUInt32BE(IMAGE_SIDE, 12);
  }
  const partial = `${path}.partial`;
  try {
    const file = createWriteStream(partial);
    const gzip = path.endsWith(".gz") ? createGzip() : undefined;
    file.once("error", (error) => gzip?.destroy(error));
    gzip?.pipe(file);
    const sink = gzip ?? file;
    sink.write(header);
    for (const piece of pieces) {
      if (!sink.write(piece)) await once(sink, "drain");
    }
    sink.end();
    await finished(file);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw new FlowglyphError("ERR_IO", `Cannot write ${path}: ${systemReason(error)}`, { cause: error });
  }
}
