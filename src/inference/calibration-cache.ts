// What calibration found, remembered for each model on each kind of machine. Losing it costs a second: whatever goes wrong
// here is not worth an error.
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, availableParallelism, cpus, homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import type { Tuning } from "./calibration.ts";

const FORMAT_VERSION = 2;

/** The XDG base directory specification: a path that is not absolute counts as not set. */
function cacheFolder(): string {
  const xdg = process.env.XDG_CACHE_HOME;
  const base = xdg !== undefined && isAbsolute(xdg) ? xdg : join(homedir(), ".cache");
  return join(base, "flowglyph", "calibration");
}

/** Where the tuning of a model is remembered. `setting`: what else it depends on (device, threads). */
export function tuningPath(model: Uint8Array, setting: string): string {
  const runtime = (createRequire(import.meta.url)("onnxruntime-node/package.json") as { version: string })
    .version;
  const machine = [arch(), cpus()[0]?.model ?? "", availableParallelism(), runtime, setting].join("\n");
  const digest = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex").slice(0, 24);
  return join(cacheFolder(), `${digest(model)}-${digest(machine)}.json`);
}

export async function readTuning(path: string): Promise<Tuning | undefined> {
  try {
    const { formatVersion, workers, batch } = JSON.parse(await readFile(path, "utf8"));
    const usable = [workers, batch].every(
      (value) => Number.isSafeInteger(value) && value >= 1 && value <= 65536,
    );
    return formatVersion === FORMAT_VERSION && usable ? { workers, batch } : undefined;
  } catch {
    return undefined;
  }
}

export async function writeTuning(path: string, tuning: Tuning): Promise<void> {
  const draft = `${path}.${process.pid}`;
  try {
    await mkdir(join(path, ".."), { recursive: true });
    await writeFile(draft, `${JSON.stringify({ formatVersion: FORMAT_VERSION, ...tuning })}\n`);
    // Another process may read it, or write its own.
    await rename(draft, path);
  } catch {
    await rm(draft, { force: true }).catch(() => undefined);
  }
}
