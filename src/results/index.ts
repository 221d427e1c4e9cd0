// Verdicts as rows and files.
export { CSV, formatOfPath, JSON_LINES, VERDICT_FORMATS, type VerdictFormat } from "./formats.ts";
export { formatTime, VERDICT_COLUMNS, type VerdictRow, verdictRows } from "./verdict-row.ts";
export { openVerdictWriter, type VerdictWriter } from "./writer.ts";
