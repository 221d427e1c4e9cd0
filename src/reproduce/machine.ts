// Where a cell was computed: what a reader of its seconds must know.
import { execFile } from "node:child_process";
import { cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { packageRoot } from "../../bindings/package-root.ts";
import { cudaDevices, torchAvailable, torchInfo } from "../../bindings/torch/index.ts";
import { toolVersion } from "../version.ts";

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly gpus: readonly string[];
  readonly node: string;
  /** Null where there is none: fitted models need none. */
  readonly libtorch: string | null;
  readonly flowglyph: string;
  /** Where it runs from a git clone. */
  readonly commit: string | null;
}

export async function describeMachine(): Promise<Machine> {
  const processors = cpus();
  return {
    processor: processors[0]?.model ?? "unknown",
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    gpus: torchAvailable() ? cudaDevices() : [],
    node: process.version,
    libtorch: torchAvailable() ? torchInfo().version : null,
    flowglyph: toolVersion(),
    commit: await commit(),
  };
}

async function commit(): Promise<string | null> {
  try {
    const git = async (...args: string[]) =>
      (await promisify(execFile)("git", ["-C", fileURLToPath(packageRoot()), ...args])).stdout.trim();
    const changed = (await git("status", "--porcelain", "--untracked-files=no")) !== "";
    return `${await git("rev-parse", "--short", "HEAD")}${changed ? " and changes" : ""}`;
  } catch {
    return null; // installed as a package, or no git
  }
}

/** One line for a table. */
export function machineLine({ processor, cores, memoryGiB, gpus }: Machine): string {
  return [`${cores} cores of ${processor}`, `${memoryGiB} GiB`, ...gpus].join(", ");
}
