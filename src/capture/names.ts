// The words of extraction, in the order of native/core: a test holds them to the addon's own. Adding one is one entry.

/** Which bytes of a session become its image (DESIGN: `pcap`, `l3`, `l7`). */
export const VIEWS = ["pcap", "l3", "l7"] as const;
export type View = (typeof VIEWS)[number];

/** Which fields of those bytes are zeroed. */
export const MASKS = ["none", "identity", "stack"] as const;
export type Mask = (typeof MASKS)[number];

/** In which order TCP payload goes into an image of view `l7`: by sequence number, each byte once, or as captured. */
export const ORDERS = ["stream", "capture"] as const;
export type Order = (typeof ORDERS)[number];

/** How regular files are read. The sessions are the same. */
export const INPUT_METHODS = ["read", "map"] as const;
export type InputMethod = (typeof INPUT_METHODS)[number];

/** The tunnels whose outer headers can be removed (native/core/parse/tunnel.hpp). */
export const TUNNELS = [
  "ipip",
  "6in4",
  "teredo",
  "gre",
  "erspan",
  "nvgre",
  "vxlan",
  "vxlan-gpe",
  "geneve",
  "gtpu",
  "l2tp",
] as const;
export type Tunnel = (typeof TUNNELS)[number];

/** IP protocols that have a name here (native/core/parse/protocol_set.hpp); the others go by their numbers. */
export const PROTOCOLS = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  dccp: 33,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  sctp: 132,
  udplite: 136,
} as const;
export type Protocol = keyof typeof PROTOCOLS;

/** Why a session ended; the numbers are in files (native/core/session_batch.hpp). */
export const END_REASONS = [
  "endOfInput",
  "idleTimeout",
  "activeTimeout",
  "evicted",
  "fin",
  "rst",
  /** It went on: its row came out before its end (`CaptureOptions.early`). */
  "early",
] as const;
export type EndReason = (typeof END_REASONS)[number];

/** What a packet may be made of, from the outside in (native/core/parse/layer.hpp). */
export const LAYERS = [
  "vlan",
  "mpls",
  "pseudowire",
  "pppoe",
  "ppp",
  "llcSnap",
  "ipv4",
  "ipv6",
  "ipOptions",
  "fragment",
  "ipip",
  "6in4",
  "teredo",
  "gre",
  "erspan",
  "nvgre",
  "vxlan",
  "vxlanGpe",
  "geneve",
  "gtpu",
  "l2tp",
  "tcp",
  "udp",
  "icmp",
  "icmpv6",
  "sctp",
  "esp",
  "ah",
  "otherTransport",
] as const;
export type Layer = (typeof LAYERS)[number];

/** Why a record is in no session (native/core/parse/skip_reason.hpp). */
export const SKIP_REASONS = [
  "unknownInterface",
  "unknownLinktype",
  "notIp",
  "truncatedHeader",
  "badIpHeader",
  "fragmentTail",
  "otherTransport",
  "tunnelDepth",
  "linktypeWithoutIp",
  "encrypted",
  "linkFragment",
] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

const NAME_OF_PROTOCOL = new Map<number, string>(
  Object.entries(PROTOCOLS).map(([name, number]) => [number, name]),
);

/** `tcp`, `udp`, ..., or the number as text. */
export function protocolName(number: number): string {
  return NAME_OF_PROTOCOL.get(number) ?? String(number);
}
