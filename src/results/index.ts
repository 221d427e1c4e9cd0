// Verdicts as rows and files.

export { CSV, JSON_LINES, type VerdictFormat } from "./formats.ts";
export { type ClassTotals, tallyVerdicts, type VerdictTally } from "./tally.ts";
export {
  formatTime,
  UNKNOWN,
  VERDICT_COLUMNS,
  type VerdictRow,
  type VerdictRowOptions,
  type VerdictShape,
  verdictRows,
} from "./verdict-row.ts";
export {
  checkVerdictPath,
  formatOfPath,
  openVerdictWriter,
  VERDICT_FORMATS,
  type VerdictFileFormat,
  type VerdictFileWriter,
  type VerdictWriter,
} from "./writer.ts";
