// A folder of its own for each test, removed after it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "flowglyph-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes `bytes` to a file that lives as long as the test; its path. */
export function tempFile(name: string, bytes: Uint8Array | string): string {
  const path = join(tempFolder(), name);
  writeFileSync(path, bytes);
  return path;
}
