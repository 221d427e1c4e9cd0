// What classify prints: rows on the terminal, what was wrong with the captures, what the verdicts come to.
import type { BatchReport } from "../batch/index.ts";
import type { CaptureSummary } from "../capture/index.ts";
import { formatTable } from "../evaluation/table.ts";
import {
  type ClassTotals,
  CSV,
  JSON_LINES,
  UNKNOWN,
  type VerdictRow,
  type VerdictShape,
  type VerdictWriter,
} from "../results/index.ts";
import { formatBytes, formatCount, formatDuration, formatShare } from "./format.ts";
import { skippedLine } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/** To a person a table a batch, to a program CSV or, with --json, JSON Lines. */
export function terminalWriter(terminal: Terminal, json: boolean, shape: VerdictShape): VerdictWriter {
  const format = json ? JSON_LINES : CSV;
  const forPerson = terminal.columns !== undefined && !json;
  let first = true;
  return {
    write: async (rows) => {
      terminal.progressDone();
      const header = first && !forPerson ? format.header(shape) : "";
      first = false;
      const text = forPerson ? personTable(rows) : format.rows(rows, shape);
      if (header !== "" || text !== "") await terminal.out(header + text);
    },
    close: async () => {},
  };
}

function personTable(rows: readonly VerdictRow[]): string {
  if (rows.length === 0) return "";
  const endpoint = (address: string, port: number) =>
    `${address.includes(":") ? `[${address}]` : address}:${port}`;
  const header = ["start", "", "initiator", "responder", "packets", "bytes", "class", "p"];
  const cells = rows.map((row) => [
    `${row.start_time.slice(0, 23).replace("T", " ")}`,
    row.protocol,
    endpoint(row.initiator_address, row.initiator_port),
    endpoint(row.responder_address, row.responder_port),
    `${row.initiator_packets}>${row.responder_packets}`,
    `${row.initiator_bytes}>${row.responder_bytes}`,
    row.class === UNKNOWN && row.best_class ? `${UNKNOWN} (${row.best_class}?)` : row.class,
    row.probability.toFixed(3),
  ]);
  return formatTable([header, ...cells], [4, 5, 7]);
}

/** What of the captures is in no row, and what was wrong with them. */
export function noteReading(
  terminal: Terminal,
  leftOut: readonly string[],
  summary: CaptureSummary | undefined,
): void {
  const skipped = summary && skippedLine(summary.packets, summary.skipped);
  if (skipped !== undefined) terminal.note(skipped);
  for (const warning of [...leftOut, ...(summary?.warnings ?? [])]) terminal.note(`warning: ${warning}`);
  if (summary?.evictedSessions) {
    terminal.note(
      `warning: ${formatCount(summary.evictedSessions)} sessions were ended early to keep memory within bounds`,
    );
  }
}

/** Of everything that was classified. */
export interface JobSummary {
  readonly output: string | undefined;
  readonly seconds: number;
  readonly report: Omit<BatchReport, "summary">;
  readonly classes: readonly ClassTotals[];
}

const classNamed = (name: string): string => name || "nothing to classify (no payload)";
const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

export function noteCounts(
  terminal: Terminal,
  totals: readonly ClassTotals[],
  output: string | undefined,
  prefix = "",
): void {
  const classes = totals.map(({ class: name, sessions }) => `${classNamed(name)} ${formatCount(sessions)}`);
  const where = output === undefined ? "" : `; written to ${output}`;
  terminal.note(
    `${prefix}${formatCount(sum(totals.map(({ sessions }) => sessions)))} sessions${classes.length > 0 ? `: ${classes.join(", ")}` : ""}${where}`,
  );
}

/** How many captures in what time, and which of them failed. */
export function noteJob(terminal: Terminal, { report, seconds }: JobSummary): void {
  const { classified, remembered, failures, newSessions, newBytes } = report;
  for (const { capture, error, sessions } of failures) {
    const kept =
      sessions > 0 ? ` (the ${formatCount(sessions)} sessions before that are among the rows)` : "";
    // Most messages begin with the path.
    const message = error.message.includes(capture) ? error.message : `${capture}: ${error.message}`;
    terminal.note(`failed: ${message}${kept}`);
  }
  const captures = classified + failures.length;
  if (captures < 2 && remembered === 0) return;
  const parts = [
    `${formatCount(captures)} captures`,
    ...(remembered > 0 ? [`${formatCount(remembered)} of them remembered`] : []),
    ...(failures.length > 0 ? [`${formatCount(failures.length)} failed`] : []),
    `${formatBytes(newBytes)} read in ${formatDuration(seconds)}`,
    ...(seconds > 0 ? [`${formatCount(Math.round(newSessions / seconds))} sessions/s`] : []),
  ];
  terminal.note(parts.join(", "));
}

/** A line a class: sessions, their share, packets, bytes, and from when to when. */
export function classTable(classes: readonly ClassTotals[]): string {
  const all = sum(classes.map(({ sessions }) => sessions));
  const seconds = (time: string) => time.slice(0, 19).replace("T", " ");
  const header = ["class", "sessions", "share", "packets", "bytes", "first", "last"];
  const rows = classes.map((totals) => [
    classNamed(totals.class),
    formatCount(totals.sessions),
    formatShare(totals.sessions, all),
    formatCount(totals.packets),
    formatBytes(totals.bytes),
    seconds(totals.first),
    seconds(totals.last),
  ]);
  return formatTable([header, ...rows], [1, 2, 3, 4]);
}

/** The same for programs. */
export function jobJson({ output, seconds, report, classes }: JobSummary): string {
  const { classified, remembered, failures, newBytes, newSessions } = report;
  const summary = {
    output,
    captures: { classified, remembered, failed: failures.length },
    failures: failures.map(({ capture, error, sessions }) => ({
      capture,
      code: error.code,
      message: error.message,
      sessions,
    })),
    sessions: sum(classes.map(({ sessions }) => sessions)),
    seconds,
    sessionsPerSecond: seconds > 0 ? newSessions / seconds : 0,
    captureBytesPerSecond: seconds > 0 ? newBytes / seconds : 0,
    classes,
  };
  return `${JSON.stringify(summary, null, 2)}\n`;
}
