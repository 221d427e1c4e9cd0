// What the rows of a job come to, class by class, counted as they go by.
import type { VerdictRow } from "./verdict-row.ts";

export interface ClassTotals {
  /** Empty for sessions with nothing to classify. */
  readonly class: string;
  readonly sessions: number;
  /** Packets and IP-layer bytes, both ways. */
  readonly packets: number;
  readonly bytes: number;
  /** The first session's start and the latest end; capture time, as in the rows. */
  readonly first: string;
  readonly last: string;
}

export interface VerdictTally {
  add(rows: readonly VerdictRow[]): void;
  /** The class with most sessions first; names decide between equals. */
  totals(): ClassTotals[];
}

export function tallyVerdicts(): VerdictTally {
  const classes = new Map<string, { -readonly [K in keyof ClassTotals]: ClassTotals[K] }>();
  return {
    add(rows) {
      for (const row of rows) {
        let totals = classes.get(row.class);
        if (totals === undefined) {
          const { start_time: first, end_time: last } = row;
          totals = { class: row.class, sessions: 0, packets: 0, bytes: 0, first, last };
          classes.set(row.class, totals);
        }
        totals.sessions++;
        totals.packets += row.initiator_packets + row.responder_packets;
        totals.bytes += row.initiator_bytes + row.responder_bytes;
        // Times of one form: their order is that of their letters.
        if (row.start_time < totals.first) totals.first = row.start_time;
        if (row.end_time > totals.last) totals.last = row.end_time;
      }
    },
    totals: () =>
      [...classes.values()].sort((a, b) => b.sessions - a.sessions || (a.class < b.class ? -1 : 1)),
  };
}
