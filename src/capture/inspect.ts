// What is in captures, counted: every record either becomes part of a session or is counted by the reason why not.
import { listCaptures } from "./inputs.ts";
import { fileSize } from "./live.ts";
import {
  type CaptureOptions,
  type CaptureProgress,
  type ResolvedCaptureOptions,
  resolveCaptureOptions,
} from "./options.ts";
import { openReader } from "./reader.ts";
import { type CaptureSummary, sessionCount, sumSummaries } from "./summary.ts";

export interface FileSummary extends CaptureSummary {
  readonly file: string;
}

/** The sum over all captures, and each one. */
export interface InspectSummary extends CaptureSummary {
  /** Each capture by itself; empty where they are merged, because then sessions are not of one file. */
  readonly files: readonly FileSummary[];
}

/**
 * Reads captures and counts. Arguments and errors as `sessions`, but for files in a folder that are no captures: they are
 * left out, with a warning.
 * `view`, `mask` and `sequence` make no difference here, but that view `pcap` does not put fragments together.
 */
export async function inspect(
  captures: string | readonly string[],
  options?: CaptureOptions,
): Promise<InspectSummary> {
  const resolved = resolveCaptureOptions(options);
  const list = await listCaptures(captures);
  const paths = list.captures.map(({ path }) => path);
  const readings = resolved.merge ? [paths] : paths.map((path) => [path]);
  const totalBytes = resolved.follow ? 0 : sizeOf(paths);
  const summaries: CaptureSummary[] = [];
  const before = { bytesRead: 0, packets: 0, sessions: 0 };
  for (const reading of readings) {
    const summary = await inspectReading(
      reading,
      { ...resolved, sequence: 0, early: false },
      before,
      totalBytes,
    );
    summaries.push(summary);
    before.bytesRead += summary.bytesRead;
    before.packets += summary.packets;
    before.sessions += sessionCount(summary);
  }
  const all = sumSummaries(summaries);
  const summary = {
    ...all,
    warnings: [...list.warnings, ...all.warnings],
    files: resolved.merge ? [] : summaries.map((of, i) => ({ file: paths[i]!, ...of })),
  };
  resolved.onSummary?.(summary);
  return summary;
}

async function inspectReading(
  paths: readonly string[],
  options: ResolvedCaptureOptions,
  before: Pick<CaptureProgress, "bytesRead" | "packets" | "sessions">,
  totalBytes: number,
): Promise<CaptureSummary> {
  const { onProgress } = options;
  const reader = openReader(
    paths,
    {
      ...options,
      onProgress: onProgress
        ? (here) =>
            onProgress({
              bytesRead: before.bytesRead + here.bytesRead,
              totalBytes,
              packets: before.packets + here.packets,
              sessions: before.sessions + here.sessions,
            })
        : undefined,
    },
    true,
  );
  try {
    while (!(await reader.next()).done);
    return reader.summary();
  } finally {
    await reader.close();
  }
}

/** Bytes of all files, 0 where one's size is not known. */
function sizeOf(paths: readonly string[]): number {
  const sizes = paths.map(fileSize);
  return sizes.includes(undefined) ? 0 : sizes.reduce<number>((sum, size) => sum + size!, 0);
}
