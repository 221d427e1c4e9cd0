// What was read of captures, counted.
import type { NativeSummary } from "../../bindings/capture/addon.ts";
import { type EndReason, LAYERS, protocolName } from "./names.ts";

/** packets = sessionPackets + the sum of `skipped`. */
export interface CaptureSummary {
  /** Records read. */
  readonly packets: number;
  /** Records that became part of a session. */
  readonly sessionPackets: number;
  readonly bytesRead: number;
  /** LINKTYPE_ numbers that the files declare, in order of first appearance. */
  readonly linktypes: readonly number[];
  /** Records of each link type, in order of first appearance. */
  readonly linktypeRecords: readonly { readonly linktype: number; readonly records: number }[];
  /** Records that held a layer, by `LAYERS` and in their order, from the outside in; layers that none held are left out. */
  readonly layers: Readonly<Record<string, number>>;
  /** Records by the reason why they are in no session (`SKIP_REASONS`). */
  readonly skipped: Readonly<Record<string, number>>;
  readonly fragments: FragmentCounts;
  /** By protocol: its name in `PROTOCOLS`, or its number. TCP and UDP always, others where there are any. */
  readonly sessions: { readonly tcp: number; readonly udp: number; readonly [protocol: string]: number };
  /** The same sessions by why they ended. */
  readonly ended: Readonly<Record<EndReason, number>>;
  /** Of the TCP sessions, both ways. */
  readonly tcp: TcpCounts;
  /** Sessions that were open at one time, at most. */
  readonly peakSessions: number;
  /** Sessions that the memory cap ended early. */
  readonly evictedSessions: number;
  /** Sessions whose idle timeout was shortened to save memory, and that ended by it. */
  readonly shortenedSessions: number;
  /** Some file ends in the middle of a record. */
  readonly truncated: boolean;
  readonly warnings: readonly string[];
}

/** IP datagrams that came in fragments. */
export interface FragmentCounts {
  /** Put together. */
  readonly datagrams: number;
  /** Given up: a fragment did not come in time, or before the end of the input. */
  readonly incomplete: number;
  /** Given up to save memory. */
  readonly evicted: number;
  /** Given up because fragments overlap with different contents. */
  readonly overlapping: number;
  /** Fragments that repeated what was there. */
  readonly duplicates: number;
}

/** Segments that held nothing new, segments that came after a later one, holes that nothing filled. */
export interface TcpCounts {
  readonly retransmissions: number;
  readonly outOfOrder: number;
  readonly gaps: number;
}

export function summaryOf({
  sessions,
  ended,
  retransmissions,
  outOfOrder,
  gaps,
  totalBytes: _,
  ...rest
}: NativeSummary): CaptureSummary {
  const byProtocol = sessions.map(
    ({ protocol, sessions: count }) => [protocolName(protocol), count] as const,
  );
  return {
    ...rest,
    sessions: { tcp: 0, udp: 0, ...Object.fromEntries(byProtocol) },
    ended: ended as CaptureSummary["ended"],
    tcp: { retransmissions, outOfOrder, gaps },
    evictedSessions: ended.evicted!,
  };
}

/** Sessions of all protocols. */
export function sessionCount({ sessions }: Pick<CaptureSummary, "sessions">): number {
  return Object.values(sessions).reduce((sum, count) => sum + count, 0);
}

/** The sum over readings, each of its own captures. Peaks are the highest one: they were not at the same time. */
export function sumSummaries(summaries: readonly CaptureSummary[]): CaptureSummary {
  const sum = (count: (one: CaptureSummary) => number) => summaries.reduce((all, one) => all + count(one), 0);
  const sumOf = <T extends Readonly<Record<string, number>>>(counts: (one: CaptureSummary) => T): T => {
    const all: Record<string, number> = {};
    for (const one of summaries)
      for (const [name, count] of Object.entries(counts(one))) all[name] = (all[name] ?? 0) + count;
    return all as T;
  };
  const records = new Map<number, number>();
  for (const { linktype, records: count } of summaries.flatMap((one) => one.linktypeRecords))
    records.set(linktype, (records.get(linktype) ?? 0) + count);
  return {
    packets: sum((one) => one.packets),
    sessionPackets: sum((one) => one.sessionPackets),
    bytesRead: sum((one) => one.bytesRead),
    linktypes: [...new Set(summaries.flatMap((one) => one.linktypes))],
    linktypeRecords: [...records].map(([linktype, count]) => ({ linktype, records: count })),
    layers: layersInOrder(sumOf((one) => one.layers)),
    skipped: sumOf((one) => one.skipped),
    fragments: sumOf((one) => ({ ...one.fragments })),
    sessions: sumOf((one) => one.sessions),
    ended: sumOf((one) => one.ended),
    tcp: sumOf((one) => ({ ...one.tcp })),
    peakSessions: summaries.reduce((peak, one) => Math.max(peak, one.peakSessions), 0),
    evictedSessions: sum((one) => one.evictedSessions),
    shortenedSessions: sum((one) => one.shortenedSessions),
    truncated: summaries.some((one) => one.truncated),
    warnings: summaries.flatMap((one) => one.warnings),
  };
}

function layersInOrder(layers: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(LAYERS.flatMap((name) => (name in layers ? [[name, layers[name]!]] : [])));
}
