// One session and its verdict as a flat row, in the names and order that every results file has.
import { formatAddress } from "../capture/address.ts";
import type { VerdictBatch } from "../inference/classify-sessions.ts";

/** What `classify` says of a session. A results CSV also serves as a label file: the columns carry the same names. */
export interface VerdictRow {
  readonly capture: string;
  /** `tcp`, `udp`, or the IP protocol number as text. */
  readonly protocol: string;
  readonly initiator_address: string;
  readonly initiator_port: number;
  readonly responder_address: string;
  readonly responder_port: number;
  /** RFC 3339, UTC, nanoseconds; capture time. */
  readonly start_time: string;
  readonly end_time: string;
  readonly initiator_packets: number;
  readonly responder_packets: number;
  /** IP-layer bytes; exact to 2^53. */
  readonly initiator_bytes: number;
  readonly responder_bytes: number;
  /** Empty where the session has no byte in the model's view (l7: no payload): nothing to classify. */
  readonly class: string;
  /** Of that class, 0 to 1. */
  readonly probability: number;
}

/** The columns of a results file, in order. */
export const VERDICT_COLUMNS = [
  "capture",
  "protocol",
  "initiator_address",
  "initiator_port",
  "responder_address",
  "responder_port",
  "start_time",
  "end_time",
  "initiator_packets",
  "responder_packets",
  "initiator_bytes",
  "responder_bytes",
  "class",
  "probability",
] as const satisfies readonly (keyof VerdictRow)[];

const PROTOCOL_NAMES: Readonly<Record<number, string>> = { 6: "tcp", 17: "udp" };

/** The rows of a batch, in its order. */
export function* verdictRows(batch: VerdictBatch): Generator<VerdictRow> {
  for (let row = 0; row < batch.count; row++) {
    const version = batch.ipVersion[row]!;
    yield {
      capture: batch.captures[batch.captureGroup[row]!]!,
      protocol: PROTOCOL_NAMES[batch.protocol[row]!] ?? String(batch.protocol[row]!),
      initiator_address: formatAddress(version, batch.initiatorAddress, row),
      initiator_port: batch.initiatorPort[row]!,
      responder_address: formatAddress(version, batch.responderAddress, row),
      responder_port: batch.responderPort[row]!,
      start_time: formatTime(batch.startNs[row]!),
      end_time: formatTime(batch.endNs[row]!),
      initiator_packets: batch.initiatorPackets[row]!,
      responder_packets: batch.responderPackets[row]!,
      initiator_bytes: Number(batch.initiatorBytes[row]!),
      responder_bytes: Number(batch.responderBytes[row]!),
      ...(batch.imageBytes[row] === 0
        ? { class: "", probability: 0 }
        : {
            class: batch.classes[batch.classIndex[row]!]!,
            probability: roundProbability(batch.probability[row]!),
          }),
    };
  }
}

const NS_PER_SECOND = 1_000_000_000n;

/** Nanoseconds since the epoch as RFC 3339 with all nine digits: 2016-03-01T12:00:00.123456789Z. */
export function formatTime(ns: bigint): string {
  let seconds = ns / NS_PER_SECOND;
  let fraction = ns % NS_PER_SECOND;
  if (fraction < 0n) {
    fraction += NS_PER_SECOND;
    seconds--;
  }
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, -".000Z".length);
  return `${whole}.${fraction.toString().padStart(9, "0")}Z`;
}

/** float32 has some seven digits: six places say all there is, and none of float64's noise. */
function roundProbability(probability: number): number {
  return Math.round(probability * 1e6) / 1e6;
}
