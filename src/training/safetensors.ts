// The safetensors format (huggingface/safetensors, format section of its README), which Python tools open as it is:
//   u64 little-endian: length of the header | header: JSON, padded with spaces | the arrays' bytes, little-endian, row-major
// The header maps a name to {dtype, shape, data_offsets: [begin, end)}, counted from the end of the header, and
// `__metadata__` to strings.
import { FlowglyphError } from "../../bindings/errors.ts";

export type TensorArray = Float32Array | Int32Array | Uint8Array;

export interface NamedTensor {
  readonly shape: readonly number[];
  readonly data: TensorArray;
}

export interface Safetensors {
  readonly tensors: ReadonlyMap<string, NamedTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

const ARRAYS = { F32: Float32Array, I32: Int32Array, U8: Uint8Array } as const;
type DType = keyof typeof ARRAYS;
const METADATA = "__metadata__";

/** The bytes of a file, in parts that share memory with the arrays. */
export function encodeSafetensors({ tensors, metadata }: Safetensors): Uint8Array[] {
  const header: Record<string, unknown> = { [METADATA]: metadata };
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    const end = offset + data.byteLength;
    header[name] = { dtype: dtypeOf(data), shape, data_offsets: [offset, end] };
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    offset = end;
  }
  const text = Buffer.from(JSON.stringify(header));
  // Padded so that the data begins at a multiple of 8: a reader can map it as it lies.
  const head = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, " ");
  head.writeBigUInt64LE(BigInt(head.length - 8), 0);
  text.copy(head, 8);
  return [head, ...parts];
}

/** Arrays are copies. ERR_CHECKPOINT, with `where`, unless the file is whole and consistent. */
export function decodeSafetensors(bytes: Uint8Array, where: string): Safetensors {
  const fail = (problem: string, cause?: unknown): never => {
    throw new FlowglyphError("ERR_CHECKPOINT", `${where} is not a whole safetensors file: ${problem}`, {
      cause,
    });
  };
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < 8) return fail(`expected a header but the file has ${file.length} bytes`);
  const length = file.readBigUInt64LE(0);
  if (length > BigInt(file.length - 8)) return fail(`its header would have ${length} bytes`);
  const start = 8 + Number(length);
  const header = parseHeader(file.toString("utf8", 8, start), fail);
  const tensors = new Map<string, NamedTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === METADATA) continue;
    const {
      dtype,
      shape,
      data_offsets: offsets,
    } = entry as { dtype: DType; shape: number[]; data_offsets: number[] };
    const ArrayType = Object.hasOwn(ARRAYS, String(dtype))
      ? ARRAYS[dtype]
      : fail(`${name} has type ${dtype}`);
    if (!isCounts(shape) || !isCounts(offsets)) return fail(`${name} has no shape or place`);
    const [begin = 0, end = 0] = offsets;
    const size = shape.reduce((product, axis) => product * axis, ArrayType.BYTES_PER_ELEMENT);
    if (end - begin !== size || start + end > file.length) {
      return fail(`${name} needs ${size} bytes at ${start + begin} but the file has ${file.length}`);
    }
    const copy = file.buffer.slice(
      file.byteOffset + start + begin,
      file.byteOffset + start + end,
    ) as ArrayBuffer;
    tensors.set(name, { shape, data: new ArrayType(copy) });
  }
  return { tensors, metadata: (header[METADATA] ?? {}) as Record<string, string> };
}

function parseHeader(
  text: string,
  fail: (problem: string, cause?: unknown) => never,
): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    return fail("its header is not JSON", cause);
  }
  const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject(header) || !Object.values(header as object).every(isObject))
    return fail("its header is no table");
  return header as Record<string, unknown>;
}

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);

function dtypeOf(data: TensorArray): DType {
  return data instanceof Float32Array ? "F32" : data instanceof Int32Array ? "I32" : "U8";
}
