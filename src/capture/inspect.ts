// What is in captures, counted: every record either becomes part of a session or is counted by the reason why not.
import { stat } from "node:fs/promises";
import { listCaptures, STDIN } from "./inputs.ts";
import { type CaptureOptions, type ResolvedCaptureOptions, resolveCaptureOptions } from "./options.ts";
import { openReader } from "./reader.ts";
import type { CaptureSummary } from "./summary.ts";

export interface FileSummary extends CaptureSummary {
  readonly file: string;
}

/** The sum over all captures, and each one. */
export interface InspectSummary extends CaptureSummary {
  readonly files: readonly FileSummary[];
}

/**
 * Reads captures and counts. Arguments and errors as `sessions`, but for files in a folder that are no captures: they are
 * left out, with a warning.
 * `view` and `mask` make no difference here.
 */
export async function inspect(
  captures: string | readonly string[],
  options?: CaptureOptions,
): Promise<InspectSummary> {
  const resolved = resolveCaptureOptions(options);
  const list = await listCaptures(captures);
  const paths = list.captures.map(({ path }) => path);
  const totalBytes = await sizeOf(paths);
  const files: FileSummary[] = [];
  for (const path of paths) files.push(await inspectFile(path, resolved, total(files), totalBytes));
  const all = total(files);
  const summary = { ...all, warnings: [...list.warnings, ...all.warnings], files };
  resolved.onSummary?.(summary);
  return summary;
}

async function inspectFile(
  file: string,
  options: ResolvedCaptureOptions,
  before: CaptureSummary,
  totalBytes: number,
): Promise<FileSummary> {
  const { onProgress } = options;
  const reader = openReader(
    [file],
    {
      ...options,
      onProgress: onProgress
        ? (here) =>
            onProgress({
              bytesRead: before.bytesRead + here.bytesRead,
              totalBytes,
              packets: before.packets + here.packets,
              sessions: before.sessions.tcp + before.sessions.udp + here.sessions,
            })
        : undefined,
    },
    true,
  );
  try {
    while (!(await reader.next()).done);
    return { file, ...reader.summary() };
  } finally {
    await reader.close();
  }
}

function total(files: readonly FileSummary[]): CaptureSummary {
  const sum = (count: (file: FileSummary) => number) => files.reduce((all, file) => all + count(file), 0);
  const skipped: Record<string, number> = {};
  for (const file of files) {
    for (const [reason, count] of Object.entries(file.skipped))
      skipped[reason] = (skipped[reason] ?? 0) + count;
  }
  return {
    packets: sum((file) => file.packets),
    sessionPackets: sum((file) => file.sessionPackets),
    bytesRead: sum((file) => file.bytesRead),
    linktypes: [...new Set(files.flatMap((file) => file.linktypes))],
    sessions: { tcp: sum((file) => file.sessions.tcp), udp: sum((file) => file.sessions.udp) },
    evictedSessions: sum((file) => file.evictedSessions),
    skipped,
    truncated: files.some((file) => file.truncated),
    warnings: files.flatMap((file) => file.warnings),
  };
}

/** Bytes of all files, 0 where one's size is not known. */
async function sizeOf(paths: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const path of paths) {
    const info = path === STDIN ? undefined : await stat(path).catch(() => undefined);
    if (!info?.isFile()) return 0;
    bytes += info.size;
  }
  return bytes;
}
