// What a figure has to be read with: machine, commit, load.
import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, totalmem } from "node:os";

export interface Circumstances {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly commit: string;
  /** Load averages over one minute, at the beginning and at the end. */
  readonly load: number[];
  readonly date: string;
}

export function circumstances(root: string): Circumstances {
  const git = (...args: string[]) => execFileSync("git", ["-C", root, ...args], { encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "--untracked-files=no", "native", "src", "bindings") !== "";
  return {
    cpu: cpus()[0]!.model,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    commit: git("rev-parse", "--short", "HEAD") + (changed ? " with changes" : ""),
    load: [loadavg()[0]!],
    date: new Date().toISOString().slice(0, 10),
  };
}

export function circumstancesLine({
  cpu,
  cores,
  memoryGiB,
  node,
  commit,
  load,
  date,
}: Circumstances): string {
  return (
    `Machine: ${cores} cores of ${cpu}, ${memoryGiB} GiB; Node ${node}; commit ${commit}; ${date}; ` +
    `load average ${load.map((value) => value.toFixed(1)).join(" at the beginning, ")} at the end (1 is the benchmark itself).`
  );
}
