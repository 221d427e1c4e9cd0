// What of the options decides which bytes are in an image. Datasets and models record it, and are compared by it.
import type { Mask, Order, View } from "./names.ts";
import type { Decap, ProtocolList } from "./options.ts";

/** As recorded: `unknown` and undefined (null in a model) where the images came from elsewhere. */
export interface RecordedExtraction {
  readonly view: View | "unknown";
  readonly mask: Mask | "unknown";
  readonly order: Order | "unknown";
  readonly decap: Decap | "unknown";
  readonly protocols: ProtocolList | "unknown";
  readonly idleTimeout: number | null | undefined;
  readonly activeTimeout: number | null | undefined;
  readonly closeTimeout: number | null | undefined;
}

/**
 * Fills in what versions before tunnels and TCP streams did, where a record of theirs does not say it: payload as captured,
 * no tunnel removed, TCP and UDP, no end by FIN or RST. Records of images from elsewhere stay unknown, but for the order: the
 * published image sets hold payload as captured.
 */
export function completeExtraction(
  recorded: Pick<RecordedExtraction, "view"> & Partial<RecordedExtraction>,
): Pick<RecordedExtraction, "order" | "decap" | "protocols" | "closeTimeout"> {
  const { order, decap, protocols, closeTimeout } = recorded;
  if (decap !== undefined)
    return { order: order ?? "unknown", decap, protocols: protocols ?? "unknown", closeTimeout };
  if (recorded.view === "unknown")
    return { order: "capture", decap: "unknown", protocols: "unknown", closeTimeout: undefined };
  return { order: "capture", decap: "none", protocols: ["tcp", "udp"], closeTimeout: 0 };
}

/**
 * What two records disagree about, of what both know and what decides the bytes of an image; undefined where nothing does.
 * The order of TCP payload matters to view `l7` alone.
 */
export function imageDifference(
  one: Pick<RecordedExtraction, "view" | "mask" | "order" | "decap">,
  other: Pick<RecordedExtraction, "view" | "mask" | "order" | "decap">,
): "view" | "mask" | "order" | "decap" | undefined {
  return (["view", "mask", "order", "decap"] as const).find((field) => {
    if (field === "order" && one.view !== "l7" && other.view !== "l7") return false;
    const [a, b] = [one[field], other[field]];
    return a !== "unknown" && b !== "unknown" && String(a) !== String(b);
  });
}
