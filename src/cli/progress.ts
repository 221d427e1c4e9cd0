// Turns what the stages report of their reading into one line.
import type { CaptureProgress } from "../capture/index.ts";
import { formatBytes, formatCount } from "./format.ts";
import type { Terminal } from "./terminal.ts";

/** Progress of reading captures: bytes of the total where it is known, packets and sessions so far. */
export function captureProgress(terminal: Terminal): (progress: CaptureProgress) => void {
  return ({ bytesRead, totalBytes, packets, sessions }) =>
    terminal.progress({
      fraction: totalBytes > 0 ? bytesRead / totalBytes : undefined,
      text: `${formatBytes(bytesRead)}, ${formatCount(packets)} packets, ${formatCount(sessions)} sessions`,
    });
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
