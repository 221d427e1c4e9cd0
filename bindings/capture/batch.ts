// Typed views of the columns of a batch, over the memory that native code filled. Nothing is copied.
import type { BatchLayout } from "./addon.ts";

/** Bytes of one image: 28 x 28. */
export const IMAGE_BYTES = 784;
const ADDRESS_BYTES = 16;

/** The columns of a batch, each of `count` rows. */
export interface BatchColumns {
  /** uint8 [count, 28, 28], contiguous. */
  readonly images: Uint8Array<ArrayBuffer>;
  /** Nanoseconds since the epoch, capture time. */
  readonly startNs: BigInt64Array<ArrayBuffer>;
  readonly endNs: BigInt64Array<ArrayBuffer>;
  /** IP-layer bytes each way. */
  readonly initiatorBytes: BigUint64Array<ArrayBuffer>;
  readonly responderBytes: BigUint64Array<ArrayBuffer>;
  readonly initiatorPackets: Uint32Array<ArrayBuffer>;
  readonly responderPackets: Uint32Array<ArrayBuffer>;
  /** Index of the capture file. */
  readonly captureGroup: Uint32Array<ArrayBuffer>;
  /** uint8 [count, 16]: IPv4 in the first 4 bytes, the rest zero. */
  readonly initiatorAddress: Uint8Array<ArrayBuffer>;
  readonly responderAddress: Uint8Array<ArrayBuffer>;
  readonly initiatorPort: Uint16Array<ArrayBuffer>;
  readonly responderPort: Uint16Array<ArrayBuffer>;
  /** Bytes of the image that the session filled, the rest is padding: 0 (view l7, no payload) to 784. */
  readonly imageBytes: Uint16Array<ArrayBuffer>;
  /** 4 or 6. */
  readonly ipVersion: Uint8Array<ArrayBuffer>;
  /** 6 TCP, 17 UDP. */
  readonly protocol: Uint8Array<ArrayBuffer>;
  /** 0 end of input, 1 idle timeout, 2 active timeout, 3 evicted by the memory cap. */
  readonly endReason: Uint8Array<ArrayBuffer>;
}

/** The columns of `count` sessions in `buffer`, laid out from `byteOffset` on. */
export function batchColumns(
  buffer: ArrayBuffer,
  byteOffset: number,
  layout: BatchLayout,
  count: number,
): BatchColumns {
  const at = (column: keyof BatchLayout) => byteOffset + layout[column];
  return {
    images: new Uint8Array(buffer, at("images"), count * IMAGE_BYTES),
    startNs: new BigInt64Array(buffer, at("startNs"), count),
    endNs: new BigInt64Array(buffer, at("endNs"), count),
    initiatorBytes: new BigUint64Array(buffer, at("initiatorBytes"), count),
    responderBytes: new BigUint64Array(buffer, at("responderBytes"), count),
    initiatorPackets: new Uint32Array(buffer, at("initiatorPackets"), count),
    responderPackets: new Uint32Array(buffer, at("responderPackets"), count),
    captureGroup: new Uint32Array(buffer, at("captureGroup"), count),
    initiatorAddress: new Uint8Array(buffer, at("initiatorAddress"), count * ADDRESS_BYTES),
    responderAddress: new Uint8Array(buffer, at("responderAddress"), count * ADDRESS_BYTES),
    initiatorPort: new Uint16Array(buffer, at("initiatorPort"), count),
    responderPort: new Uint16Array(buffer, at("responderPort"), count),
    imageBytes: new Uint16Array(buffer, at("imageBytes"), count),
    ipVersion: new Uint8Array(buffer, at("ipVersion"), count),
    protocol: new Uint8Array(buffer, at("protocol"), count),
    endReason: new Uint8Array(buffer, at("endReason"), count),
  };
}
