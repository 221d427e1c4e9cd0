// Turns what the stages report of their reading into one line.

import type { BatchProgress } from "../batch/index.ts";
import type { CaptureProgress } from "../capture/index.ts";
import { formatBytes, formatCount, formatDuration } from "./format.ts";
import type { Terminal } from "./terminal.ts";

/** Progress of reading captures: bytes of the total where it is known, packets and sessions so far. */
export function captureProgress(terminal: Terminal): (progress: CaptureProgress) => void {
  return ({ bytesRead, totalBytes, packets, sessions }) =>
    terminal.progress({
      fraction: totalBytes > 0 ? bytesRead / totalBytes : undefined,
      text: `${formatBytes(bytesRead)}, ${formatCount(packets)} packets, ${formatCount(sessions)} sessions`,
    });
}

/** Progress of a job of many captures: captures done, bytes of the total, sessions a second, time left. */
export function batchProgress(terminal: Terminal): (progress: BatchProgress) => void {
  const started = performance.now();
  return ({ done, captures, bytesRead, totalBytes, newBytes, sessions }) => {
    const seconds = (performance.now() - started) / 1000;
    const left = newBytes > 0 ? ((totalBytes - bytesRead) * seconds) / newBytes : undefined;
    const parts = [
      `${formatCount(done)}/${formatCount(captures)} captures`,
      `${formatBytes(bytesRead)} of ${formatBytes(totalBytes)}`,
      `${formatCount(sessions)} sessions`,
      // Of the first moment nothing can be said.
      ...(seconds >= 1 ? [`${formatCount(Math.round(sessions / seconds))}/s`] : []),
      ...(seconds >= 1 && left !== undefined ? [`${formatDuration(left)} left`] : []),
    ];
    terminal.progress({
      fraction: totalBytes > 0 ? bytesRead / totalBytes : undefined,
      text: parts.join(", "),
    });
  };
}

/** What of the records read is in no session, and why; undefined where there is nothing to say. */
export function skippedLine(packets: number, skipped: Readonly<Record<string, number>>): string | undefined {
  const reasons = Object.entries(skipped)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a);
  if (reasons.length === 0) return undefined;
  const total = reasons.reduce((sum, [, count]) => sum + count, 0);
  const list = reasons.map(([reason, count]) => `${reason} ${formatCount(count)}`).join(", ");
  return `skipped ${formatCount(total)} of ${formatCount(packets)} packets: ${list}`;
}
