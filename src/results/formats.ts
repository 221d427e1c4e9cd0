// Results as text: one function a format and one row in the table. To add a format: both, and its file ending.
import { stringify } from "csv-stringify/sync";
import { FlowglyphError } from "../../bindings/errors.ts";
import { VERDICT_COLUMNS, type VerdictRow } from "./verdict-row.ts";

export interface VerdictFormat {
  readonly name: string;
  /** File endings, lower case. */
  readonly endings: readonly string[];
  /** What stands before the first row. */
  readonly header: string;
  /** Rows as text, each with its line end. */
  readonly rows: (rows: readonly VerdictRow[]) => string;
}

/** RFC 4180 with a header line and \n line ends. */
export const CSV: VerdictFormat = {
  name: "csv",
  endings: [".csv"],
  header: `${VERDICT_COLUMNS.join(",")}\n`,
  rows: (rows) => stringify(rows as VerdictRow[], { columns: [...VERDICT_COLUMNS] }),
};

/** One JSON object a line. */
export const JSON_LINES: VerdictFormat = {
  name: "jsonl",
  endings: [".jsonl", ".ndjson"],
  header: "",
  rows: (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join(""),
};

export const VERDICT_FORMATS: readonly VerdictFormat[] = [CSV, JSON_LINES];

/** The format that a file's name asks for. @throws ERR_ARGUMENT for an ending that is none of ours */
export function formatOfPath(path: string): VerdictFormat {
  const lower = path.toLowerCase();
  const format = VERDICT_FORMATS.find(({ endings }) => endings.some((ending) => lower.endsWith(ending)));
  if (format === undefined) {
    const endings = VERDICT_FORMATS.flatMap((row) => row.endings).join(", ");
    throw new FlowglyphError(
      "ERR_ARGUMENT",
      `Expected an output file that ends with ${endings} but received ${path}`,
    );
  }
  return format;
}
