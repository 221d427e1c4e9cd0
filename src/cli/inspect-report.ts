// What `inspect` says to a person: one column of counts, in sections from the file to the session. Pure functions.
import {
  type EndReason,
  type InspectSummary,
  type Layer,
  linktypeName,
  type SkipReason,
  sessionCount,
} from "../capture/index.ts";
import { formatTable } from "../evaluation/table.ts";
import { formatBytes, formatCount, formatShare } from "./format.ts";

const LAYER_NAMES: Readonly<Record<Layer, string>> = {
  vlan: "VLAN",
  mpls: "MPLS",
  pseudowire: "pseudowire",
  pppoe: "PPPoE",
  ppp: "PPP",
  llcSnap: "LLC/SNAP",
  ipv4: "IPv4",
  ipv6: "IPv6",
  ipOptions: "IP options",
  fragment: "IP fragment",
  ipip: "IP in IP",
  "6in4": "IPv6 in IPv4",
  teredo: "Teredo",
  gre: "GRE",
  erspan: "ERSPAN",
  nvgre: "NVGRE",
  vxlan: "VXLAN",
  vxlanGpe: "VXLAN-GPE",
  geneve: "Geneve",
  gtpu: "GTP-U",
  l2tp: "L2TP",
  tcp: "TCP",
  udp: "UDP",
  icmp: "ICMP",
  icmpv6: "ICMPv6",
  sctp: "SCTP",
  esp: "ESP",
  ah: "AH",
  otherTransport: "other",
};
const TUNNEL_LAYERS: readonly string[] = [
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
] satisfies Layer[];
const TRANSPORT_LAYERS: readonly string[] = [
  "tcp",
  "udp",
  "icmp",
  "icmpv6",
  "sctp",
  "esp",
  "ah",
  "otherTransport",
] satisfies Layer[];

const SKIP_NAMES: Readonly<Record<SkipReason, string>> = {
  unknownInterface: "of an interface that the file does not describe",
  unknownLinktype: "link type not known",
  notIp: "not IP",
  truncatedHeader: "cut before the ports",
  badIpHeader: "IP header contradicts itself",
  fragmentTail: "fragment without ports",
  otherTransport: "protocol not asked for (--protocols)",
  tunnelDepth: "too many packets in packets",
  linktypeWithoutIp: "link type without IP",
  encrypted: "encrypted below IP",
  linkFragment: "piece of a packet of the link layer",
};

const END_NAMES: Readonly<Record<EndReason, string>> = {
  endOfInput: "open at the end of the input",
  idleTimeout: "idle timeout",
  activeTimeout: "active timeout",
  evicted: "evicted to save memory",
  fin: "closed (FIN)",
  rst: "reset (RST)",
  early: "went on, reported early",
};

type Row = readonly string[];

/** `warnings` are not in it: they are notes. */
export function inspectReport(summary: InspectSummary): string {
  const { packets, sessionPackets, layers, fragments, tcp } = summary;
  const sessions = sessionCount(summary);
  const layerRows = (wanted: (layer: string) => boolean) =>
    Object.entries(layers)
      .filter(([layer]) => wanted(layer))
      .map(([layer, count]) => counted(LAYER_NAMES[layer as Layer] ?? layer, count, packets));
  const isTunnel = (layer: string) => TUNNEL_LAYERS.includes(layer);
  const isTransport = (layer: string) => TRANSPORT_LAYERS.includes(layer);
  const givenUp = fragments.incomplete + fragments.evicted + fragments.overlapping;
  const rows: Row[] = [
    ["packets", formatCount(packets), "", `${formatBytes(summary.bytesRead)} read`],
    counted("in sessions", sessionPackets, packets),
    ...section("link types", linktypeRows(summary)),
    ...section(
      "link and network layers",
      layerRows((layer) => !isTunnel(layer) && !isTransport(layer)),
    ),
    ...section("tunnels", layerRows(isTunnel)),
    ...section("transports", layerRows(isTransport)),
    ...section(
      "fragments",
      fragments.datagrams + givenUp + fragments.duplicates === 0
        ? []
        : [
            counted("datagrams put together", fragments.datagrams),
            ...some("given up: a part is missing", fragments.incomplete),
            ...some("given up: parts contradict each other", fragments.overlapping),
            ...some("given up to save memory", fragments.evicted),
            ...some("fragments that came twice", fragments.duplicates),
          ],
    ),
    ...section("skipped", byCount(summary.skipped, SKIP_NAMES, packets)),
    [],
    ["sessions", formatCount(sessions)],
    ...Object.entries(summary.sessions)
      .filter(([name, count]) => count > 0 || ["tcp", "udp"].includes(name))
      .map(([name, count]) => counted(protocolText(name), count, sessions)),
    ...section("how they ended", byCount(summary.ended, END_NAMES, sessions)),
    ...section(
      "TCP streams",
      summary.sessions.tcp === 0
        ? []
        : [
            counted("segments sent again", tcp.retransmissions),
            counted("segments out of order", tcp.outOfOrder),
            counted("holes that nothing filled", tcp.gaps),
          ],
    ),
    ...section(
      "memory",
      summary.peakSessions === 0
        ? []
        : [
            counted("sessions open at one time", summary.peakSessions),
            ...some("evicted", summary.evictedSessions),
            ...some("idle timeout shortened", summary.shortenedSessions),
          ],
    ),
  ];
  const truncated = summary.truncated ? "\ntruncated: see the warnings\n" : "";
  return `${formatTable(rows, [1, 2])}${truncated}`;
}

function linktypeRows({ linktypes, linktypeRecords, packets }: InspectSummary): Row[] {
  const text = (number: number) => `${linktypeName(number) ?? "unknown"} (${number})`;
  const records = new Map(linktypeRecords.map(({ linktype, records: count }) => [linktype, count]));
  // Interfaces may be described, and silent.
  const all = [...new Set([...linktypes, ...records.keys()])];
  return all.map((number) => counted(text(number), records.get(number) ?? 0, packets));
}

function protocolText(name: string): string {
  return /^\d+$/.test(name) ? `protocol ${name}` : (LAYER_NAMES[name as Layer] ?? name.toUpperCase());
}

/** The largest first; names of a newer addon as they are. */
function byCount(
  counts: Readonly<Record<string, number>>,
  names: Readonly<Record<string, string>>,
  whole: number,
): Row[] {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => counted(names[name] ?? name, count, whole));
}

function section(title: string, rows: readonly Row[]): Row[] {
  return rows.length === 0 ? [] : [[], [title], ...rows];
}

function counted(name: string, count: number, whole = 0): Row {
  return [`  ${name}`, formatCount(count), formatShare(count, whole)];
}

function some(name: string, count: number): Row[] {
  return count === 0 ? [] : [counted(name, count)];
}
