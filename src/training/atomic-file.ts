// Files that are either the old one whole or the new one whole, also after a kill or a power cut in mid-write.
import { open, rename, rm } from "node:fs/promises";
import { FlowglyphError } from "../../bindings/errors.ts";

/** Writes the parts one after the other to a temporary file beside `path`, then renames it into place. */
export async function writeAtomically(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, "w");
    try {
      for (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new FlowglyphError("ERR_IO", `Cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}

export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeAtomically(path, [Buffer.from(`${JSON.stringify(value, null, 2)}\n`)]);
}
