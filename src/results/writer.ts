// Verdicts to a file, batch by batch.
import { open } from "node:fs/promises";
import { FlowglyphError } from "../../bindings/errors.ts";
import { checkOutputFile } from "../output-path.ts";
import { systemReason } from "../system-error.ts";
import { CSV, JSON_LINES, type VerdictFormat } from "./formats.ts";
import { openParquetWriter } from "./parquet.ts";
import { replacementFor } from "./replacement.ts";
import type { VerdictRow, VerdictShape } from "./verdict-row.ts";

export interface VerdictWriter {
  write(rows: readonly VerdictRow[]): Promise<void>;
  close(): Promise<void>;
}

/** A file of verdicts: `NAME.partial` until it is closed, so that what is under its name is always whole. */
export interface VerdictFileWriter extends VerdictWriter {
  /** Gives up: what was under the name before stays. */
  discard(): Promise<void>;
}

/** A kind of results file. */
export interface VerdictFileFormat {
  readonly name: string;
  /** File endings, lower case. */
  readonly endings: readonly string[];
  /** Whether a cell can hold a sequence. */
  readonly sequences: boolean;
  readonly open: (path: string, shape: VerdictShape) => Promise<VerdictWriter>;
}

const textFile = (format: VerdictFormat): VerdictFileFormat => ({
  name: format.name,
  endings: format.endings,
  sequences: format.sequences,
  open: async (path, shape) => {
    const file = await open(path, "w");
    await file.appendFile(format.header(shape));
    return {
      write: (rows) => file.appendFile(format.rows(rows, shape)),
      close: () => file.close(),
    };
  },
});

/** To add a kind of file: one row. */
export const VERDICT_FORMATS: readonly VerdictFileFormat[] = [
  textFile(CSV),
  textFile(JSON_LINES),
  { name: "parquet", endings: [".parquet"], sequences: true, open: openParquetWriter },
  // Loaded when asked for: Arrow takes longer to import than a small capture takes to read.
  {
    name: "arrow",
    endings: [".arrow"],
    sequences: true,
    open: async (path, shape) => (await import("./arrow.ts")).openArrowWriter(path, shape),
  },
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

/** What rows hold beside the columns that are always there. Sequences: CSV cannot hold them. */
export type VerdictFileOptions = VerdictShape;

/**
 * Finds out before the work whether a results file can be opened.
 * @throws ERR_ARGUMENT (ending), ERR_IO (cannot be written)
 */
export async function checkVerdictPath(path: string, options: VerdictFileOptions = {}): Promise<void> {
  formatFor(path, options);
  await checkOutputFile(path);
}

/**
 * Opens a results file; its ending names the format (.csv, .jsonl, .ndjson, .parquet, .arrow). It is `path.partial` until it
 * is closed, and then replaces an existing file as a whole.
 * @throws ERR_ARGUMENT (ending), ERR_IO (cannot be written)
 */
export async function openVerdictWriter(
  path: string,
  options: VerdictFileOptions = {},
): Promise<VerdictFileWriter> {
  const format = formatFor(path, options);
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      throw new FlowglyphError("ERR_IO", `Cannot write ${path}: ${systemReason(cause)}`, { cause });
    }
  };
  const replacement = await guarded(() => replacementFor(path));
  const writer = await guarded(() => format.open(replacement.path, options));
  return {
    write: (rows) => guarded(() => writer.write(rows)),
    close: () =>
      guarded(async () => {
        await writer.close();
        await replacement.commit();
      }),
    async discard() {
      await writer.close().catch(() => undefined);
      await guarded(replacement.discard);
    },
  };
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
