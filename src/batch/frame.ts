// A batch of verdicts as bytes: all that a row of results is made of. Images and the probabilities of the other classes are
// left out: nobody asks for them once there is a verdict.
//   u32 length of the text, little-endian; text (JSON) padded so that what follows begins at a multiple of 8;
//   then each array that the text names, each padded likewise.
import type { VerdictBatch } from "../inference/index.ts";

const ARRAYS = {
  Uint8Array,
  Uint16Array,
  Uint32Array,
  Int32Array,
  BigUint64Array,
  BigInt64Array,
  Float32Array,
  Float64Array,
} as const;
type ArrayName = keyof typeof ARRAYS;
type AnyArray = InstanceType<(typeof ARRAYS)[ArrayName]>;

const LEFT_OUT = new Set(["images", "probabilities", "captures"]);
const LENGTH_BYTES = 4;

interface FrameText {
  /** What is no typed array, as it is. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly arrays: readonly (readonly [name: string, type: ArrayName, length: number])[];
}

const padded = (bytes: number): number => Math.ceil(bytes / 8) * 8;

export function encodeFrame(batch: VerdictBatch): Uint8Array<ArrayBuffer> {
  const values: Record<string, unknown> = {};
  const arrays: [string, AnyArray][] = [];
  for (const [name, value] of Object.entries(batch)) {
    if (LEFT_OUT.has(name)) continue;
    if (ArrayBuffer.isView(value)) arrays.push([name, value as AnyArray]);
    else values[name] = value;
  }
  const text = new TextEncoder().encode(
    JSON.stringify({
      values,
      arrays: arrays.map(([name, array]) => [name, array.constructor.name as ArrayName, array.length]),
    } satisfies FrameText),
  );
  const start = padded(LENGTH_BYTES + text.length);
  const bytes = new Uint8Array(arrays.reduce((sum, [, array]) => sum + padded(array.byteLength), start));
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, LENGTH_BYTES);
  let at = start;
  for (const [, array] of arrays) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at += padded(array.byteLength);
  }
  return bytes;
}

/** The batch again, of the capture `capture`; its images and probabilities are empty. `bytes` begins its buffer. */
export function decodeFrame(bytes: Uint8Array<ArrayBuffer>, capture: string): VerdictBatch {
  const { buffer } = bytes;
  const length = new DataView(buffer).getUint32(0, true);
  const text = new TextDecoder().decode(new Uint8Array(buffer, LENGTH_BYTES, length));
  const { values, arrays } = JSON.parse(text) as FrameText;
  const columns: Record<string, AnyArray> = {};
  let at = padded(LENGTH_BYTES + length);
  for (const [name, type, count] of arrays) {
    const array = new ARRAYS[type](buffer, at, count);
    columns[name] = array;
    at += padded(array.byteLength);
  }
  return {
    ...values,
    ...columns,
    captures: [capture],
    images: new Uint8Array(0),
    probabilities: new Float32Array(0),
  } as unknown as VerdictBatch;
}
