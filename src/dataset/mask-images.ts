// Masks on images that exist: views `pcap` and `l3` hold real headers, which native/core finds in the images' own bytes.
// Nothing here knows rows, labels or files: see mask-dataset.ts.
import { availableParallelism } from "node:os";
import { MASK_OUTCOMES, maskFunctions } from "../../bindings/capture/masks.ts";
import { FlowglyphError } from "../../bindings/errors.ts";
import { MASKS, type Mask, TUNNELS, VIEWS, type View } from "../capture/names.ts";
import { type Decap, decapTunnels, type ProtocolList, protocolNumbers } from "../capture/options.ts";
import { IMAGE_BYTES, type MaskingCounts } from "./types.ts";

export interface MaskingOptions {
  readonly view: View;
  readonly mask: Mask;
  /** How the images were encoded: tunnels whose outer headers did not count, and what made sessions. */
  readonly decap: Decap;
  readonly protocols: ProtocolList;
  /** The result does not depend on it. */
  readonly threads?: number | "auto" | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface MaskedImages {
  /** uint8 [N, 784]: new memory. */
  readonly images: Uint8Array;
  /** uint8 [N]: index into `MASK_OUTCOMES`. */
  readonly outcomes: Uint8Array;
  readonly counts: MaskingCounts;
}

// 12.25 MiB a call: bounds the copies, and how long an abort waits (some 10 ms).
const CHUNK_ROWS = 16_384;
const MAX_THREADS = 4;

/** @throws FlowglyphError ERR_ABORTED, ERR_ADDON_MISSING */
export async function maskImages(images: Uint8Array, options: MaskingOptions): Promise<MaskedImages> {
  const { view, mask, decap, protocols, threads = "auto", signal } = options;
  const { maskImages: native } = maskFunctions();
  const plain = {
    view: VIEWS.indexOf(view),
    mask: MASKS.indexOf(mask),
    decap: decapTunnels(decap).reduce((bits, tunnel) => bits | (1 << TUNNELS.indexOf(tunnel)), 0),
    protocols: protocolNumbers(protocols),
    threads: threads === "auto" ? Math.min(MAX_THREADS, availableParallelism()) : threads,
  };
  const count = images.length / IMAGE_BYTES;
  const result = new Uint8Array(images.length);
  const outcomes = new Uint8Array(count);
  const counts = { images: {}, packets: 0, cutPackets: 0, undecidedTunnels: 0, hidden: {} };
  for (let row = 0; row < count; row += CHUNK_ROWS) {
    if (signal?.aborted)
      throw new FlowglyphError("ERR_ABORTED", "Masking was aborted", { cause: signal.reason });
    const chunk = images.subarray(row * IMAGE_BYTES, (row + CHUNK_ROWS) * IMAGE_BYTES);
    const masked = await native(chunk, plain);
    result.set(masked.images, row * IMAGE_BYTES);
    outcomes.set(masked.outcomes, row);
    addTo(counts.images, masked.outcomeCounts);
    addTo(counts.hidden, masked.hidden);
    counts.packets += masked.packets;
    counts.cutPackets += masked.cutPackets;
    counts.undecidedTunnels += masked.undecidedTunnels;
  }
  return { images: result, outcomes, counts };
}

function addTo(sums: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + count;
}

export const outcomeIs = (
  outcomes: Uint8Array,
  name: (typeof MASK_OUTCOMES)[number],
): ((row: number) => boolean) => {
  const number = MASK_OUTCOMES.indexOf(name);
  return (row) => outcomes[row] === number;
};

/** Whether every image begins with a pcap file header of version 2.4, as the published "Session, all layers" sets do. */
export function beginLikePcap(images: Uint8Array): boolean {
  for (let at = 0; at < images.length; at += IMAGE_BYTES) {
    const isPcap = HEADERS.some((header) => header.every((byte, i) => images[at + i] === byte));
    if (!isPcap) return false;
  }
  return images.length > 0;
}
const HEADERS = [
  [0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0, 4],
  [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0],
  [0xa1, 0xb2, 0x3c, 0x4d, 0, 2, 0, 4],
  [0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0],
];
