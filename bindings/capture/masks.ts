// Masking of images that exist, as native/capture/masks.cpp declares it. Arguments are copied before a call returns.
import { FlowglyphError } from "../errors.ts";
import { captureAddon } from "./addon.ts";

/** What became of an image, in the order of native/core/image/image_masker.hpp. */
export const MASK_OUTCOMES = ["masked", "hiddenPackets", "brokenOff", "unreadable", "maskedBefore"] as const;
export type MaskOutcome = (typeof MASK_OUTCOMES)[number];

export interface MaskImagesOptions {
  /** 0 pcap, 1 l3, 2 l7. */
  readonly view: number;
  /** 0 none, 1 identity, 2 stack. */
  readonly mask: number;
  /** As `OpenOptions`: how the images were encoded. */
  readonly decap: number;
  readonly protocols: readonly number[];
  /** 1 to 64. The result does not depend on it. */
  readonly threads: number;
}

export interface NativeMasked {
  /** uint8 [N, 784]. */
  readonly images: Uint8Array;
  /** uint8 [N]: index into MASK_OUTCOMES. */
  readonly outcomes: Uint8Array;
  /** Images by outcome; outcomes without one are left out. */
  readonly outcomeCounts: Partial<Record<MaskOutcome, number>>;
  /** Packets that were zeroed whole, by `NativeNames.skipReasons`. */
  readonly hidden: Readonly<Record<string, number>>;
  readonly packets: number;
  readonly cutPackets: number;
  readonly undecidedTunnels: number;
}

export interface MaskFunctions {
  /** images uint8 [N, 784], on a libuv thread. */
  maskImages(images: Uint8Array, options: MaskImagesOptions): Promise<NativeMasked>;
}

/** ERR_ADDON_MISSING where the addon is not built, or was built before it could mask images. */
export function maskFunctions(): MaskFunctions {
  const addon: Partial<MaskFunctions> = captureAddon();
  if (addon.maskImages === undefined) {
    throw new FlowglyphError(
      "ERR_ADDON_MISSING",
      "The native addon flowglyph_capture is older than this code: build it anew with `npm run setup`",
    );
  }
  return addon as MaskFunctions;
}
