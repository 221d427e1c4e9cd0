import { describe, expect, test } from "vitest";
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from "../../src/training/safetensors.ts";

const tensors = new Map<string, NamedTensor>([
  [
    "model.weight",
    { shape: [2, 3], data: Float32Array.of(1, -0, Number.NaN, 1e-45, Number.POSITIVE_INFINITY, 3.5) },
  ],
  ["rows", { shape: [3], data: Int32Array.of(-1, 2, 2 ** 31 - 1) }],
  ["random", { shape: [5], data: Uint8Array.of(1, 2, 3, 4, 255) }],
  ["empty", { shape: [0, 4], data: new Float32Array(0) }],
]);
const metadata = { flowglyph: JSON.stringify({ epoch: 3, name: "ü" }) };
const bytes = Buffer.concat(encodeSafetensors({ tensors, metadata }));

test("what is written is read back bit for bit", () => {
  const read = decodeSafetensors(bytes, "file");
  expect(read.metadata).toEqual(metadata);
  expect([...read.tensors.keys()]).toEqual([...tensors.keys()]);
  for (const [name, tensor] of tensors) {
    const { shape, data } = read.tensors.get(name)!;
    expect(shape).toEqual(tensor.shape);
    expect(data.constructor).toBe(tensor.data.constructor);
    expect(Buffer.from(data.buffer)).toEqual(Buffer.from(tensor.data.buffer));
  }
});

test("the bytes are those of the format: length, JSON, data at a multiple of 8", () => {
  const length = Number(bytes.readBigUInt64LE(0));
  expect(length % 8).toBe(0);
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + length));
  expect(header["model.weight"]).toEqual({ dtype: "F32", shape: [2, 3], data_offsets: [0, 24] });
  expect(header.rows).toEqual({ dtype: "I32", shape: [3], data_offsets: [24, 36] });
  expect(bytes.readFloatLE(8 + length + 20)).toBe(3.5);
  expect(bytes.length).toBe(8 + length + 24 + 12 + 5);
});

test("a file that begins at an odd place in its buffer is read", () => {
  const shifted = Buffer.concat([Buffer.of(7), bytes]).subarray(1);
  expect(decodeSafetensors(shifted, "file").tensors.get("rows")?.data).toEqual(
    Int32Array.of(-1, 2, 2 ** 31 - 1),
  );
});

describe("a damaged file is refused", () => {
  test("cut anywhere", () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSafetensors(bytes.subarray(0, length), "cut.safetensors")).toThrow(
        expect.objectContaining({
          code: "ERR_CHECKPOINT",
          message: expect.stringContaining("cut.safetensors"),
        }),
      );
    }
  });

  const withHeader = (header: unknown) => {
    const text = Buffer.from(JSON.stringify(header));
    const head = Buffer.alloc(8);
    head.writeBigUInt64LE(BigInt(text.length));
    return Buffer.concat([head, text, Buffer.alloc(16)]);
  };
  test.each([
    ["a header that is a list", []],
    ["an entry that is a number", { a: 1 }],
    ["an unknown type", { a: { dtype: "F99", shape: [1], data_offsets: [0, 4] } }],
    ["a type named like an Object property", { a: { dtype: "toString", shape: [1], data_offsets: [0, 4] } }],
    ["a negative length", { a: { dtype: "F32", shape: [-1], data_offsets: [0, 4] } }],
    ["offsets that do not fit the shape", { a: { dtype: "F32", shape: [3], data_offsets: [0, 16] } }],
    ["offsets behind the end", { a: { dtype: "F32", shape: [4], data_offsets: [8, 24] } }],
    ["a missing shape", { a: { dtype: "F32", data_offsets: [0, 4] } }],
  ])("%s", (_name, header) => {
    expect(() => decodeSafetensors(withHeader(header), "file")).toThrow(
      expect.objectContaining({ code: "ERR_CHECKPOINT" }),
    );
  });
});
