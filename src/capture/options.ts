// Names of views and masks, and the options of extraction with their defaults and reasons.

/** Which bytes of a session become its image (DESIGN: `pcap`, `l3`, `l7`). */
export const VIEWS = ["pcap", "l3", "l7"] as const;
export type View = (typeof VIEWS)[number];

/** Which fields of those bytes are zeroed. */
export const MASKS = ["none", "identity", "stack"] as const;
export type Mask = (typeof MASKS)[number];
