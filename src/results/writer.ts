// Verdicts to a file, batch by batch: what was written stays if the run fails later.
import { type FileHandle, open } from "node:fs/promises";
import { FlowglyphError } from "../../bindings/errors.ts";
import { formatOfPath } from "./formats.ts";
import type { VerdictRow } from "./verdict-row.ts";

export interface VerdictWriter {
  write(rows: readonly VerdictRow[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a results file; its ending names the format (.csv, .jsonl). An existing file is replaced.
 * @throws ERR_ARGUMENT (ending), ERR_IO (cannot be written)
 */
export async function openVerdictWriter(path: string): Promise<VerdictWriter> {
  const format = formatOfPath(path);
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      throw new FlowglyphError("ERR_IO", `Cannot write ${path}: ${(cause as Error).message}`, { cause });
    }
  };
  const file: FileHandle = await guarded(() => open(path, "w"));
  await guarded(() => file.appendFile(format.header));
  return {
    write: (rows) => guarded(() => file.appendFile(format.rows(rows))),
    close: () => guarded(() => file.close()),
  };
}
