// The generated captures: which there are, how large, and that they are written once.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type ProfileName = "small" | "mixed" | "full" | "short" | "timeouts" | "flood";

/** What the generator says that it wrote: sessions and packets by its own count. */
export interface CaptureTruth {
  readonly profile: ProfileName;
  readonly seed: number;
  readonly packets: number;
  readonly bytes: number;
  readonly tcpSessions: number;
  readonly udpSessions: number;
  readonly tcpPackets: number;
  readonly longestSession: number;
  readonly seconds: number;
}

export interface Capture extends CaptureTruth {
  readonly name: string;
  readonly path: string;
}

export interface CaptureSpec {
  readonly name: string;
  readonly profile: ProfileName;
  readonly sessions: number;
  /** In --quick. */
  readonly quickSessions: number;
  /** Bytes a session, about: what the disk has to have room for. */
  readonly bytesPerSession: number;
  readonly what: string;
}

export const CAPTURES: readonly CaptureSpec[] = [
  {
    name: "small",
    profile: "small",
    sessions: 50_000,
    quickSessions: 5_000,
    bytesPerSession: 3_050,
    what: "60-byte frames, half TCP, half UDP, 40 packets a session, nearly all sessions under way at once",
  },
  {
    name: "mixed",
    profile: "mixed",
    sessions: 23_000,
    quickSessions: 1_000,
    bytesPerSession: 60_000,
    what: "questions, chats, downloads, QUIC and voice, IPv4 and 15 % IPv6, packets of 730 bytes in the mean",
  },
  {
    name: "full",
    profile: "full",
    sessions: 200,
    quickSessions: 10,
    bytesPerSession: 5_500_000,
    what: "few long sessions of 1514-byte frames",
  },
  {
    name: "short",
    profile: "short",
    sessions: 500_000,
    quickSessions: 10_000,
    bytesPerSession: 2_400,
    what: "many short sessions and a few long ones",
  },
  {
    name: "small-1g",
    profile: "small",
    sessions: 350_000,
    quickSessions: 10_000,
    bytesPerSession: 3_050,
    what: "as small, 1 GB of it: as many sessions at one time, seven times as long",
  },
];

export const MEMORY_CAPTURES = {
  timeouts: {
    name: "timeouts",
    profile: "timeouts",
    sessions: 5_000_000,
    quickSessions: 50_000,
    bytesPerSession: 2_450,
    what: "five million sessions that end by their timeouts",
  },
  flood: {
    name: "flood",
    profile: "flood",
    sessions: 20_000_000,
    quickSessions: 1_000_000,
    bytesPerSession: 92,
    what: "20 million SYNs, each of its own session",
  },
} as const satisfies Record<string, CaptureSpec>;

/** Writes the capture of `spec` where it is not there yet. */
export function generate(spec: CaptureSpec, folder: string, quick: boolean, generator: string): Capture {
  mkdirSync(folder, { recursive: true });
  const sessions = quick ? spec.quickSessions : spec.sessions;
  const path = join(folder, `${spec.profile}-${sessions}.pcap`);
  const said = `${path}.json`;
  if (existsSync(said) && existsSync(path)) {
    const truth = JSON.parse(readFileSync(said, "utf8")) as CaptureTruth;
    if (statSync(path).size === truth.bytes) return { ...truth, name: spec.name, path };
  }
  const needed = sessions * spec.bytesPerSession * 1.1;
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize < needed) {
    throw new Error(
      `Expected ${(needed / 1e9).toFixed(1)} GB free in ${folder} for the capture "${spec.name}", found ` +
        `${((bavail * bsize) / 1e9).toFixed(1)} GB: give another folder with --data, or --quick`,
    );
  }
  const output = execFileSync(
    generator,
    ["--profile", spec.profile, "--sessions", String(sessions), "--out", path],
    {
      encoding: "utf8",
    },
  );
  writeFileSync(said, output);
  return { ...(JSON.parse(output) as CaptureTruth), name: spec.name, path };
}
