// A dataset under another mask: images masked, those left out that hold nothing, duplicates removed after that.
import { FlowglyphError } from "../../bindings/errors.ts";
import type { Mask, View } from "../capture/names.ts";
import { CAPTURE_DEFAULTS } from "../capture/options.ts";
import { subset } from "./dataset.ts";
import { removeDuplicates } from "./duplicates.ts";
import { type MaskingOptions, maskImages, outcomeIs } from "./mask-images.ts";
import type { Dataset, MaskingCounts } from "./types.ts";

export interface MaskDatasetOptions extends Pick<MaskingOptions, "threads" | "signal"> {
  /** Where the manifest does not say it; all else comes from the manifest, or is as `encode` does it. */
  readonly view?: View | undefined;
}

/**
 * The dataset with its images under `mask`, as encoding its sessions with that mask would have given: the same code hides the
 * same fields. A given test part stays: a test image that after masking equals one of the training part is a duplicate and
 * goes. View `l7` holds no headers, and its images stay as they are. The manifest says what was found.
 * @param dataset images without a mask
 * @throws FlowglyphError ERR_ARGUMENT (the images have a mask, their view is not known, or they are not of that view),
 *   ERR_ABORTED, ERR_ADDON_MISSING
 */
export async function maskDataset(
  dataset: Dataset,
  mask: Mask,
  options: MaskDatasetOptions = {},
): Promise<Dataset> {
  const { manifest } = dataset;
  const view = options.view ?? manifest.view;
  if (view === "unknown") {
    throw new FlowglyphError(
      "ERR_ARGUMENT",
      `Expected images whose view is known to apply mask ${mask} but received images of an unknown one, which do not begin with a pcap file header (a1b2c3d4): say which bytes of a session they hold, with --view pcap, l3 or l7`,
    );
  }
  if (manifest.mask !== "none" && manifest.mask !== "unknown" && manifest.mask !== mask) {
    throw new FlowglyphError(
      "ERR_ARGUMENT",
      `Expected images without a mask to apply mask ${mask} but received images with mask ${manifest.mask}: encode the captures anew`,
    );
  }
  const known: Dataset = { ...dataset, manifest: { ...manifest, view, mask } };
  if (view === "l7" || mask === "none" || manifest.mask === mask) return removeDuplicates(known);
  const { decap, protocols } = manifest;
  const masked = await maskImages(dataset.images, {
    view,
    mask,
    decap: decap === "unknown" ? CAPTURE_DEFAULTS.decap : decap,
    protocols: protocols === "unknown" ? CAPTURE_DEFAULTS.protocols : protocols,
    threads: options.threads,
    signal: options.signal,
  });
  const { images: found } = masked.counts;
  const unreadable = found.unreadable ?? 0;
  // A few are damage; most are a mistake.
  if (unreadable > dataset.count / 2) {
    const start = view === "pcap" ? "a pcap file header (a1b2c3d4)" : "an IPv4 or IPv6 header";
    throw new FlowglyphError(
      "ERR_ARGUMENT",
      `Expected images of view ${view}, which begin with ${start}, but ${unreadable} of ${dataset.count} do not: are they of another view?`,
    );
  }
  const isUnreadable = outcomeIs(masked.outcomes, "unreadable");
  const rows = Uint32Array.from({ length: dataset.count }, (_, row) => row).filter(
    (row) => !isUnreadable(row),
  );
  const whole: Dataset = {
    ...known,
    images: masked.images,
    manifest: { ...known.manifest, masking: masked.counts },
  };
  return removeDuplicates(rows.length === dataset.count ? whole : subset(whole, rows));
}

/** What a reader must know of how images were masked; empty where each was read to its end. */
export function maskingNotes({ images, hidden, undecidedTunnels }: MaskingCounts): string[] {
  const reasons = Object.entries(hidden).map(([reason, count]) => `${reason} ${count}`);
  const note = (count: number | undefined, text: string) => (count ? [`${count} ${text}`] : []);
  return [
    ...note(images.unreadable, "images do not begin as the view's do and were left out"),
    ...note(images.brokenOff, "images are damaged: zeroed from the byte on where no packet follows"),
    ...note(
      images.hiddenPackets,
      `images hold packets that cannot be read, which were zeroed (${reasons.join(", ")})`,
    ),
    ...note(images.maskedBefore, "images had zeroed headers already and were kept as they are"),
    ...note(undecidedTunnels, "packets are cut off where a tunnel may begin"),
  ];
}
