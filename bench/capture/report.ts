// Tables of what was measured, for a terminal and for bench/results.
import type { Capture } from "./captures.ts";
import type { Result } from "./compare.ts";
import type { Counts, Peer } from "./peers.ts";

const TYPESCRIPT = "tuned TypeScript";
const OURS = "flowglyph, 1 thread";

/** Rows of strings as a Markdown table, columns as wide as they must be. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(" | ")} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join("\n");
}

const digits = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(value >= 0.1 ? 2 : 3);

const count = (value: number | undefined): string =>
  value === undefined ? "" : value.toLocaleString("en-US");

export interface Row {
  readonly name: string;
  readonly does: string;
  readonly rounds: number;
  /** Millions of packets a second of processor time, and of wall time. */
  readonly packetsPerProcessorSecond: number;
  readonly packetsPerSecond: number;
  /** MB (10^6 bytes) of capture a second of processor time. */
  readonly megabytesPerProcessorSecond: number;
  /** How many times its processor time flowglyph's library (one thread) is faster than it. */
  readonly flowglyphIsFasterBy: number;
  readonly flowglyphIsFasterByWall: number;
  readonly peakMegabytes: number;
  readonly counts: Counts;
}

export function rowsOf(capture: Capture, results: readonly Result[]): Row[] {
  const ours = results.find(({ peer }) => peer.name === OURS)!;
  return results.map(({ peer, counts, rounds, processor, wall, peakBytes }) => ({
    name: peer.name,
    does: peer.does,
    rounds,
    packetsPerProcessorSecond: capture.packets / processor,
    packetsPerSecond: capture.packets / wall,
    megabytesPerProcessorSecond: capture.bytes / processor / 1e6,
    flowglyphIsFasterBy: processor / ours.processor,
    flowglyphIsFasterByWall: wall / ours.wall,
    peakMegabytes: peakBytes / 1e6,
    counts,
  }));
}

export function speedTable(rows: readonly Row[]): string {
  return table([
    [
      "",
      "M packets/s (processor)",
      "M packets/s (wall)",
      "MB/s",
      "flowglyph is faster by",
      "peak MB",
      "packets",
      "sessions",
      "rounds",
    ],
    ...rows.map((row) => [
      row.name,
      digits(row.packetsPerProcessorSecond / 1e6),
      digits(row.packetsPerSecond / 1e6),
      digits(row.megabytesPerProcessorSecond),
      row.name === OURS ? "1" : digits(row.flowglyphIsFasterBy),
      digits(row.peakMegabytes),
      count(row.counts.packets === 0 ? undefined : row.counts.packets),
      count(row.counts.sessions === 0 ? undefined : row.counts.sessions),
      String(row.rounds),
    ]),
  ]);
}

export interface Goal {
  readonly goal: string;
  readonly wanted: number;
  readonly reached: number;
}

/** The goals that this run can tell. */
export function goalsOf(rows: ReadonlyMap<string, readonly Row[]>): Goal[] {
  const goals: Goal[] = [];
  const find = (capture: string, name: string) => rows.get(capture)?.find((row) => row.name === name);
  const ratio = (goal: string, wanted: number, capture: string, peer: string) => {
    const row = find(capture, peer);
    if (row !== undefined)
      goals.push({ goal: `${goal}, ${capture}`, wanted, reached: row.flowglyphIsFasterBy });
  };
  for (const capture of ["small", "small-1g"]) ratio("over the tuned TypeScript", 12, capture, TYPESCRIPT);
  ratio("over ndpiReader", 4, "small", "ndpiReader");
  ratio("over nfpcapd", 5, "small", "nfpcapd");
  ratio("over tshark", 100, "small", "tshark");
  const core = find("mixed", "core, 1 thread");
  const walk = find("mixed", "record walk");
  if (core !== undefined && walk !== undefined) {
    goals.push({
      goal: "share of the record walk's speed, mixed, core",
      wanted: 0.5,
      reached: core.packetsPerProcessorSecond / walk.packetsPerProcessorSecond,
    });
  }
  for (const capture of ["small", "small-1g", "mixed", "short"]) {
    const one = find(capture, "core, 1 thread");
    const two = find(capture, "core, 2 threads");
    if (one !== undefined && two !== undefined) {
      goals.push({
        goal: `two threads over one (wall), ${capture}, core`,
        wanted: 1.7,
        reached: two.packetsPerSecond / one.packetsPerSecond,
      });
    }
  }
  return goals;
}

export function goalTable(goals: readonly Goal[]): string {
  return table([
    ["goal", "wanted", "reached", ""],
    ...goals.map(({ goal, wanted, reached }) => [
      goal,
      digits(wanted),
      digits(reached),
      reached >= wanted ? "met" : "not met",
    ]),
  ]);
}

/** How each peer's counts differ from what the generator wrote; the reasons are the peers' rules. */
export function countNotes(capture: Capture, results: readonly Result[]): string[] {
  const sessions = capture.tcpSessions + capture.udpSessions;
  const notes: string[] = [];
  const note = (peer: Peer, text: string) => notes.push(`${capture.name}, ${peer.name}: ${text}`);
  for (const { peer, counts } of results) {
    if (peer.kind === "limit") continue;
    if (counts.packets !== undefined && counts.packets !== capture.packets)
      note(peer, `${count(counts.packets)} packets, written were ${count(capture.packets)}`);
    const expected = peer.oneWay ? 2 * sessions : sessions;
    if (counts.sessions === undefined) continue;
    if (counts.sessions !== expected) {
      note(
        peer,
        `${count(counts.sessions)} flows, ${peer.oneWay ? "two a session would be" : "written were"} ${count(expected)}`,
      );
    }
  }
  return notes;
}
