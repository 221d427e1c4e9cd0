// Results as text, for files and for standard output.
import { stringify } from "csv-stringify/sync";
import { type VerdictRow, type VerdictShape, verdictColumns } from "./verdict-row.ts";

export interface VerdictFormat {
  readonly name: string;
  /** File endings, lower case. */
  readonly endings: readonly string[];
  /** Whether a cell can hold a sequence. */
  readonly sequences: boolean;
  /** What stands before the first row. */
  readonly header: (shape: VerdictShape) => string;
  /** Rows as text, each with its line end. */
  readonly rows: (rows: readonly VerdictRow[], shape: VerdictShape) => string;
}

/** RFC 4180 with a header line and \n line ends. */
export const CSV: VerdictFormat = {
  name: "csv",
  endings: [".csv"],
  sequences: false,
  header: (shape) => `${names(shape).join(",")}\n`,
  rows: (rows, shape) => stringify(rows as VerdictRow[], { columns: names(shape) }),
};

function names(shape: VerdictShape): string[] {
  return verdictColumns({ ...shape, sequence: false }).map(({ name }) => name);
}

/** One JSON object a line. */
export const JSON_LINES: VerdictFormat = {
  name: "jsonl",
  endings: [".jsonl", ".ndjson"],
  sequences: true,
  header: () => "",
  rows: (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join(""),
};
