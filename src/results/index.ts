// Verdicts as rows and files.
export { CSV, JSON_LINES, type VerdictFormat } from "./formats.ts";
export { formatTime, VERDICT_COLUMNS, type VerdictRow, verdictRows } from "./verdict-row.ts";
export {
  checkVerdictPath,
  formatOfPath,
  openVerdictWriter,
  VERDICT_FORMATS,
  type VerdictFileFormat,
  type VerdictWriter,
} from "./writer.ts";
