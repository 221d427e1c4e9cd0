// The JavaScript side of a peer: reads one command a line, answers one line each. pytorch.py does the same.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

export const PHASES = ["adversarial", "supervised"] as const;
export type Phase = (typeof PHASES)[number];

export interface Losses {
  readonly discriminator: readonly number[];
  readonly generator: readonly number[];
  readonly supervised: readonly number[];
}

export interface PeerWork {
  readonly version: string;
  /** The workload's checked steps, from its weights and noise, without dropout. */
  check(): Losses | Promise<Losses>;
  /** `steps` steps, after which all is computed; undefined: one epoch through the peer's usual loop. */
  run(phase: Phase, steps: number | undefined): void | Promise<void>;
}

export interface Figures {
  /** Seconds. */
  readonly wall: number;
  /** Seconds of all threads, kernel part included. */
  readonly processor: number;
}

/** Serves until standard input ends. */
export async function serve(work: PeerWork): Promise<void> {
  const answer = (value: object) => process.stdout.write(`${JSON.stringify(value)}\n`);
  answer({ version: work.version });
  for await (const line of createInterface({ input: process.stdin })) {
    const command = JSON.parse(line) as { do: string; phase: Phase; steps?: number };
    if (command.do === "check") answer(await work.check());
    if (command.do === "memory") answer({ rss: process.memoryUsage.rss(), peak: peakBytes() });
    if (command.do === "run") {
      const before = process.cpuUsage();
      const start = performance.now();
      await work.run(command.phase, command.steps);
      const wall = (performance.now() - start) / 1000;
      const { user, system } = process.cpuUsage(before);
      answer({ wall, processor: (user + system) / 1e6 });
    }
  }
}

/** The most memory that this process ever had resident. */
function peakBytes(): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))![1]) * 1024;
}
