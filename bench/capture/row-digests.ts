// Each row of a batch, ours or the TypeScript's, as the same bytes: what is equal is compared as a set, because the two
// hand their rows out in orders of their own.
import { createHash } from "node:crypto";
import type { SessionBatch } from "../../src/capture/index.ts";
import { IMAGE_BYTES, type TypeScriptBatch } from "./typescript/batch.ts";

const COLUMN_BYTES = 4 * 8 + 2 * 4 + 32 + 4 + 2 + 3;

/** Columns in a fixed order, then the image. Times are nanoseconds since the epoch. */
export function rowOfLibrary(batch: SessionBatch, row: number): Buffer {
  const bytes = rowBytes(batch, row, batch.startNs[row]!, batch.endNs[row]!);
  bytes.set(batch.initiatorAddress.subarray(row * 16, row * 16 + 16), 40);
  bytes.set(batch.responderAddress.subarray(row * 16, row * 16 + 16), 56);
  return bytes;
}

export function rowOfTypeScript(batch: TypeScriptBatch, row: number): Buffer {
  const base = BigInt(batch.baseSeconds) * 1_000_000_000n;
  const bytes = rowBytes(batch, row, base + BigInt(batch.startNs[row]!), base + BigInt(batch.endNs[row]!));
  for (let w = 0; w < 4; ++w) {
    bytes.writeInt32LE(batch.initiatorAddress[row * 4 + w]!, 40 + 4 * w);
    bytes.writeInt32LE(batch.responderAddress[row * 4 + w]!, 56 + 4 * w);
  }
  return bytes;
}

function rowBytes(
  batch: SessionBatch | TypeScriptBatch,
  row: number,
  startNs: bigint,
  endNs: bigint,
): Buffer {
  const bytes = Buffer.alloc(COLUMN_BYTES + IMAGE_BYTES);
  bytes.writeBigInt64LE(startNs, 0);
  bytes.writeBigInt64LE(endNs, 8);
  bytes.writeBigUInt64LE(BigInt(batch.initiatorBytes[row]!), 16);
  bytes.writeBigUInt64LE(BigInt(batch.responderBytes[row]!), 24);
  bytes.writeUInt32LE(batch.initiatorPackets[row]!, 32);
  bytes.writeUInt32LE(batch.responderPackets[row]!, 36);
  bytes.writeUInt16LE(batch.initiatorPort[row]!, 72);
  bytes.writeUInt16LE(batch.responderPort[row]!, 74);
  bytes.writeUInt16LE(batch.imageBytes[row]!, 76);
  bytes[78] = batch.ipVersion[row]!;
  bytes[79] = batch.protocol[row]!;
  bytes[80] = batch.endReason[row]!;
  bytes.set(batch.images.subarray(row * IMAGE_BYTES, (row + 1) * IMAGE_BYTES), COLUMN_BYTES);
  return bytes;
}

/** A row in words, for the report of a difference. */
export function describeRow(bytes: Buffer): string {
  const address = (at: number) =>
    bytes[78] === 4 ? [...bytes.subarray(at, at + 4)].join(".") : bytes.subarray(at, at + 16).toString("hex");
  return (
    `${address(40)}:${bytes.readUInt16LE(72)} ${address(56)}:${bytes.readUInt16LE(74)} protocol ${bytes[79]}, ` +
    `start ${bytes.readBigInt64LE(0)}, end ${bytes.readBigInt64LE(8)}, ` +
    `packets ${bytes.readUInt32LE(32)}+${bytes.readUInt32LE(36)}, ` +
    `bytes ${bytes.readBigUInt64LE(16)}+${bytes.readBigUInt64LE(24)}, end reason ${bytes[80]}, ` +
    `image of ${bytes.readUInt16LE(76)}: ${createHash("sha1").update(bytes.subarray(COLUMN_BYTES)).digest("hex")}`
  );
}

/** The first 64 bits of a row's SHA-1. */
export function digestOf(bytes: Buffer): bigint {
  return createHash("sha1").update(bytes).digest().readBigUInt64LE(0);
}
