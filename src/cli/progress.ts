// Turns what the stages report into one progress line.
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
