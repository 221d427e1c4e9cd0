// Runs a command under flowglyph_measure: what it cost, and what it said.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Cost {
  /** Seconds. */
  readonly wall: number;
  /** Seconds of all its threads and children, kernel part included. */
  readonly processor: number;
  readonly peakBytes: number;
}

export interface Run extends Cost {
  readonly output: string;
}

/** Runs it to its end in an empty folder; throws with its output where it fails. */
export function measure(tool: string, command: readonly string[]): Run {
  const folder = mkdtempSync(join(tmpdir(), "flowglyph-bench-"));
  try {
    const report = join(folder, "report.json");
    const { stdout, stderr, status, error } = spawnSync(
      tool,
      [report, ...command.map((part) => part.replace("{folder}", folder))],
      { cwd: folder, encoding: "utf8", maxBuffer: 2 ** 30 },
    );
    if (error !== undefined) throw error;
    if (status !== 0)
      throw new Error(`${command.join(" ")} ended with ${status}:\n${(stdout + stderr).slice(-2000)}`);
    const { wall, user, system, peakBytes } = JSON.parse(readFileSync(report, "utf8"));
    return { wall, processor: user + system, peakBytes, output: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
