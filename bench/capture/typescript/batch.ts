// Rows of ended sessions in typed arrays, as the library's batches: one allocation a batch, views of it as columns.

export const IMAGE_BYTES = 784;

/** Named as the columns of the library; times count from `baseSeconds`, so that a double holds them exactly. */
export interface TypeScriptBatch {
  count: number;
  readonly baseSeconds: number;
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  readonly initiatorBytes: Float64Array;
  readonly responderBytes: Float64Array;
  readonly initiatorPackets: Uint32Array;
  readonly responderPackets: Uint32Array;
  /** 4 words a row, bytes in the packet's order. */
  readonly initiatorAddress: Int32Array;
  readonly responderAddress: Int32Array;
  readonly initiatorPort: Uint16Array;
  readonly responderPort: Uint16Array;
  readonly imageBytes: Uint16Array;
  readonly ipVersion: Uint8Array;
  readonly protocol: Uint8Array;
  readonly endReason: Uint8Array;
  readonly images: Uint8Array;
}

const ROW_BYTES = 4 * 8 + 2 * 4 + 2 * 16 + 3 * 2 + 3 + IMAGE_BYTES;

export function newBatch(rows: number, baseSeconds: number): TypeScriptBatch {
  // Not zeroed: every byte of a row is written.
  const memory = Buffer.allocUnsafeSlow(rows * ROW_BYTES).buffer;
  let at = 0;
  const take = (bytes: number): number => {
    at += bytes;
    return at - bytes;
  };
  return {
    count: 0,
    baseSeconds,
    startNs: new Float64Array(memory, take(rows * 8), rows),
    endNs: new Float64Array(memory, take(rows * 8), rows),
    initiatorBytes: new Float64Array(memory, take(rows * 8), rows),
    responderBytes: new Float64Array(memory, take(rows * 8), rows),
    initiatorPackets: new Uint32Array(memory, take(rows * 4), rows),
    responderPackets: new Uint32Array(memory, take(rows * 4), rows),
    initiatorAddress: new Int32Array(memory, take(rows * 16), rows * 4),
    responderAddress: new Int32Array(memory, take(rows * 16), rows * 4),
    initiatorPort: new Uint16Array(memory, take(rows * 2), rows),
    responderPort: new Uint16Array(memory, take(rows * 2), rows),
    imageBytes: new Uint16Array(memory, take(rows * 2), rows),
    ipVersion: new Uint8Array(memory, take(rows), rows),
    protocol: new Uint8Array(memory, take(rows), rows),
    endReason: new Uint8Array(memory, take(rows), rows),
    images: new Uint8Array(memory, take(rows * IMAGE_BYTES), rows * IMAGE_BYTES),
  };
}
