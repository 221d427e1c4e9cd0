// Export to .npz: a zip of .npy arrays (NumPy Enhancement Proposal 1, format version 1.0), uncompressed as numpy.savez writes it.
import { open, rename, rm } from "node:fs/promises";
import { Zip, ZipPassThrough } from "fflate";
import { FlowglyphError } from "../../bindings/errors.ts";
import { systemReason } from "../system-error.ts";
import { asBlocks, type BlockedDataset } from "./blocks.ts";
import { type NumberKind, type NumberValues, presentColumns } from "./columns.ts";
import { type Dataset, END_REASONS, IMAGE_BYTES } from "./types.ts";

interface NpyArray {
  readonly name: string;
  /** numpy's type string, e.g. `<i4`. */
  readonly type: string;
  readonly shape: readonly number[];
  readonly bytes: number;
  readonly pieces: Iterable<Uint8Array>;
}

// A zip without its 64-bit extension ends at 4 GiB; some room for headers and the directory.
const MAX_BYTES = 2 ** 32 - 2 ** 20;
// Bytes between two turns of the event loop: zip's check sum is computed on this thread.
const PIECE = 4 << 20;

/**
 * Writes images uint8 [N, 28, 28], labels int32 [N] (-1 = none), classes, and where they are known capture groups, session
 * columns and test_rows.
 * @throws FlowglyphError ERR_ARGUMENT above 4 GiB, ERR_IO
 */
export async function writeNpz(path: string, given: Dataset | BlockedDataset): Promise<void> {
  const arrays = npyArrays(asBlocks(given));
  const total = arrays.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total > MAX_BYTES) {
    throw new FlowglyphError(
      "ERR_ARGUMENT",
      `Expected at most ${MAX_BYTES} bytes for ${path} (a zip file without 64-bit sizes) but received ${total}: use the format arrow`,
    );
  }
  const partial = `${path}.partial`;
  try {
    const file = await open(partial, "w");
    try {
      let pending: Uint8Array[] = [];
      let failure: Error | null = null;
      const zip = new Zip((error, chunk) => {
        failure ??= error;
        pending.push(chunk);
      });
      const flush = async (): Promise<void> => {
        if (failure !== null) throw failure;
        const chunks = pending;
        pending = [];
        for (const chunk of chunks) await file.writeFile(chunk);
      };
      for (const { name, type, shape, pieces } of arrays) {
        const entry = new ZipPassThrough(`${name}.npy`);
        // A fixed date, the zip epoch: the same dataset gives the same file.
        entry.mtime = new Date(1980, 0, 1);
        zip.add(entry);
        entry.push(npyHeader(type, shape));
        for (const piece of pieces) {
          for (let at = 0; at < piece.length; at += PIECE) {
            entry.push(piece.subarray(at, at + PIECE));
            await flush();
          }
        }
        entry.push(new Uint8Array(), true);
      }
      zip.end();
      await flush();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw new FlowglyphError("ERR_IO", `Cannot write ${path}: ${systemReason(error)}`, { cause: error });
  }
}

/** Magic, version 1.0, header length, and a Python dict, padded with spaces to a multiple of 64 and closed by a newline. */
function npyHeader(type: string, shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const dict = `{'descr': '${type}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const length = Math.ceil((10 + dict.length + 1) / 64) * 64;
  const header = Buffer.alloc(length, " ");
  header.write("\x93NUMPY\x01\x00", 0, "latin1");
  header.writeUInt16LE(length - 10, 8);
  header.write(dict, 10, "latin1");
  header[length - 1] = 0x0a;
  return header;
}

const NUMPY_TYPES: Readonly<Record<NumberKind, string>> = {
  u8: "|u1",
  u16: "<u2",
  u32: "<u4",
  u64: "<u8",
  i64: "<i8",
  time: "<i8",
  protocol: "|u1",
  endReason: "|u1",
};

function npyArrays(dataset: BlockedDataset): NpyArray[] {
  const { columns } = dataset;
  const arrays: NpyArray[] = [
    {
      name: "images",
      type: "|u1",
      shape: [dataset.count, 28, 28],
      bytes: dataset.count * IMAGE_BYTES,
      pieces: dataset.blocks,
    },
    numbers("labels", "<i4", dataset.labels),
    text("classes", dataset.classes),
  ];
  if (dataset.groups)
    arrays.push(numbers("captures", "<u4", dataset.groups), text("capture_names", dataset.groupNames));
  if (dataset.testRows) arrays.push(numbers("test_rows", "<u4", dataset.testRows));
  for (const { name, kind, sequence, steps, values } of columns
    ? presentColumns(columns, dataset.count)
    : []) {
    if (kind === "address") arrays.push(text(name, values as readonly string[]));
    else {
      const shape = sequence ? [dataset.count, steps] : [dataset.count];
      const file = kind === "time" ? `${name}_ns` : name;
      arrays.push({ ...numbers(file, NUMPY_TYPES[kind], values as NumberValues), shape });
    }
    if (kind === "endReason") arrays.push(text(`${name}_names`, END_REASONS));
  }
  return arrays;
}

function numbers(
  name: string,
  type: string,
  values: ArrayBufferView & { readonly length: number },
): NpyArray {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { name, type, shape: [values.length], bytes: bytes.length, pieces: [bytes] };
}

/** numpy's fixed-width unicode: UTF-32, little-endian, padded with zeros to the longest text. */
function text(name: string, values: readonly string[]): NpyArray {
  const points = values.map((value) => Array.from(value, (character) => character.codePointAt(0)!));
  const width = points.reduce((longest, codes) => Math.max(longest, codes.length), 1);
  const data = new Uint32Array(values.length * width);
  for (const [i, codes] of points.entries()) data.set(codes, i * width);
  return { ...numbers(name, `<U${width}`, data), shape: [values.length] };
}
