// Verdicts to a file, batch by batch. The text formats keep what was written if the run fails later.
import { open } from "node:fs/promises";
import { FlowglyphError } from "../../bindings/errors.ts";
import { checkOutputFile } from "../output-path.ts";
import { systemReason } from "../system-error.ts";
import { CSV, JSON_LINES, type VerdictFormat } from "./formats.ts";
import { openParquetWriter } from "./parquet.ts";
import type { VerdictRow } from "./verdict-row.ts";

export interface VerdictWriter {
  write(rows: readonly VerdictRow[]): Promise<void>;
  close(): Promise<void>;
}

/** A kind of results file. */
export interface VerdictFileFormat {
  readonly name: string;
  /** File endings, lower case. */
  readonly endings: readonly string[];
  /** Whether a cell can hold a sequence. */
  readonly sequences: boolean;
  readonly open: (path: string, sequence: boolean) => Promise<VerdictWriter>;
}

const textFile = (format: VerdictFormat): VerdictFileFormat => ({
  name: format.name,
  endings: format.endings,
  sequences: format.sequences,
  open: async (path) => {
    const file = await open(path, "w");
    await file.appendFile(format.header);
    return {
      write: (rows) => file.appendFile(format.rows(rows)),
      close: () => file.close(),
    };
  },
});

/** To add a kind of file: one row. */
export const VERDICT_FORMATS: readonly VerdictFileFormat[] = [
  textFile(CSV),
  textFile(JSON_LINES),
  { name: "parquet", endings: [".parquet"], sequences: true, open: openParquetWriter },
];

/** The format that a file's name asks for. @throws ERR_ARGUMENT for an ending that is none of ours */
export function formatOfPath(path: string): VerdictFileFormat {
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

export interface VerdictFileOptions {
  /** Rows hold the sequence columns (`CaptureOptions.sequence` above 0): .jsonl, .ndjson and .parquet can. */
  readonly sequence?: boolean | undefined;
}

/**
 * Finds out before the work whether a results file can be opened.
 * @throws ERR_ARGUMENT (ending), ERR_IO (cannot be written)
 */
export async function checkVerdictPath(path: string, options: VerdictFileOptions = {}): Promise<void> {
  formatFor(path, options);
  await checkOutputFile(path);
}

/**
 * Opens a results file; its ending names the format (.csv, .jsonl, .ndjson, .parquet). An existing file is replaced.
 * @throws ERR_ARGUMENT (ending), ERR_IO (cannot be written)
 */
export async function openVerdictWriter(
  path: string,
  options: VerdictFileOptions = {},
): Promise<VerdictWriter> {
  const format = formatFor(path, options);
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      throw new FlowglyphError("ERR_IO", `Cannot write ${path}: ${systemReason(cause)}`, { cause });
    }
  };
  const writer = await guarded(() => format.open(path, options.sequence ?? false));
  return { write: (rows) => guarded(() => writer.write(rows)), close: () => guarded(() => writer.close()) };
}

function formatFor(path: string, { sequence = false }: VerdictFileOptions): VerdictFileFormat {
  const format = formatOfPath(path);
  if (sequence && !format.sequences) {
    const others = VERDICT_FORMATS.filter(({ sequences }) => sequences).flatMap(({ endings }) => endings);
    throw new FlowglyphError(
      "ERR_ARGUMENT",
      `Expected an output file that ends with ${others.join(", ")}, which can hold sequences, but received ${path}`,
    );
  }
  return format;
}
