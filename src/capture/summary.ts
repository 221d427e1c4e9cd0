// What was read of captures, counted.
import type { NativeSummary } from "../../bindings/capture/addon.ts";

/** packets = sessionPackets + the sum of `skipped`. */
export interface CaptureSummary {
  /** Records read. */
  readonly packets: number;
  /** Records that became part of a session. */
  readonly sessionPackets: number;
  readonly bytesRead: number;
  /** LINKTYPE_ numbers, in order of first appearance. */
  readonly linktypes: readonly number[];
  readonly sessions: { readonly tcp: number; readonly udp: number };
  /** Sessions that the memory cap ended early. */
  readonly evictedSessions: number;
  /** Records by the reason why they are in no session. */
  readonly skipped: Readonly<Record<string, number>>;
  /** Some file ends in the middle of a record. */
  readonly truncated: boolean;
  readonly warnings: readonly string[];
}

export function summaryOf({
  tcpSessions,
  udpSessions,
  totalBytes: _,
  ...rest
}: NativeSummary): CaptureSummary {
  return { ...rest, sessions: { tcp: tcpSessions, udp: udpSessions } };
}
