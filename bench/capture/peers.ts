// Who takes part: one row each, with the command that passes over a capture and what it reports of packets and flows.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

export interface Counts {
  readonly packets?: number | undefined;
  /** Sessions, or flows where `flows` of the peer says so. */
  readonly sessions?: number | undefined;
  readonly evicted?: number | undefined;
  /** Of the pass alone, where the program measures itself. */
  readonly wall?: number | undefined;
  readonly processor?: number | undefined;
}

export interface Peer {
  readonly name: string;
  /** "limit": no parser, what no parser can beat. "ours", "peer". */
  readonly kind: "ours" | "peer" | "limit";
  readonly command: (capture: string) => readonly string[];
  readonly counts: (output: string) => Counts;
  /** What it does that others do not, or does not. */
  readonly does: string;
  /** Two flows a session: one each way. */
  readonly oneWay?: true;
  /** Only on these captures: it is too slow for the others. */
  readonly only?: readonly string[];
  /** Rounds at most. */
  readonly rounds?: number;
}

/** Where things are: built tools, compiled scripts. */
export interface Places {
  readonly native: string;
  readonly scripts: string;
  readonly peersPackage: string;
}

const json = (output: string): Counts => JSON.parse(output) as Counts;

/** The number behind a label, in whatever a tool prints. */
function labelled(label: RegExp): (output: string) => number | undefined {
  return (output) => {
    const found = label.exec(output)?.[1];
    return found === undefined ? undefined : Number(found);
  };
}

const SLOW = ["small", "mixed"];
/** The sum of the numbers behind a label. */
function summed(label: RegExp): (output: string) => number {
  return (output) => [...output.matchAll(label)].reduce((sum, [, n]) => sum + Number(n), 0);
}

// Not seven times the same for a minute each.
const ONCE = ["small", "mixed", "full", "short"];

export function allPeers({ native, scripts, peersPackage }: Places): readonly Peer[] {
  const pass = (mode: string, ...rest: string[]) => ({
    command: (capture: string) => [join(native, "flowglyph_capture_pass"), mode, capture, ...rest],
    counts: json,
  });
  const script = (name: string, ...rest: string[]) => ({
    command: (capture: string) => [process.execPath, join(scripts, `${name}.js`), capture, ...rest],
    counts: json,
  });
  return [
    {
      name: "flowglyph, 1 thread",
      kind: "ours",
      does: "library in Node: sessions, images, columns",
      ...script("pass-library", JSON.stringify({ threads: 1 })),
    },
    {
      name: "flowglyph, 2 threads",
      kind: "ours",
      does: "the same",
      ...script("pass-library", JSON.stringify({ threads: 2 })),
    },
    {
      name: "core, 1 thread",
      kind: "ours",
      does: "the same without Node",
      ...pass("extract", "--threads", "1"),
    },
    { name: "core, 2 threads", kind: "ours", does: "the same", ...pass("extract", "--threads", "2") },
    {
      name: "tuned TypeScript",
      kind: "peer",
      does: "sessions, images, columns but those of TCP streams; no tunnels, no fragments",
      ...script("pass-typescript"),
    },
    {
      name: "pcap-parser (npm)",
      kind: "peer",
      does: "records alone: no headers, no sessions",
      rounds: 2,
      only: SLOW,
      ...script("pass-pcap-parser", peersPackage),
    },
    {
      name: "ndpiReader",
      kind: "peer",
      does: "flows and protocol detection",
      only: ONCE,
      command: (capture) => ["ndpiReader", "-i", capture],
      counts: (output) => ({
        packets: labelled(/IP packets:\s+(\d+)/)(output),
        sessions: labelled(/Unique flows:\s+(\d+)/)(output),
      }),
    },
    {
      name: "nfpcapd",
      kind: "peer",
      does: "flows, written to a file; a session of more than 300 s, or silent for 60 s, is several",
      oneWay: true,
      only: ONCE,
      command: (capture) => ["nfpcapd", "-r", capture, "-w", "{folder}"],
      counts: (output) => ({
        // One line for each file that it wrote: every five minutes of capture time it begins another.
        packets: summed(/Flows: \d+, Packets: (\d+)/g)(output),
        sessions: summed(/Flows: (\d+), Packets/g)(output),
      }),
    },
    {
      name: "softflowd",
      kind: "peer",
      does: "flows",
      only: ONCE,
      command: (capture) => [
        "softflowd",
        ..."-6 -d -m 10000000 -c {folder}/control -p {folder}/pid -r".split(" "),
        capture,
      ],
      counts: (output) => ({
        packets: labelled(/Packets processed: (\d+)/)(output),
        sessions: labelled(/Flows expired: (\d+)/)(output),
      }),
    },
    {
      name: "argus",
      kind: "peer",
      does: "flow records, written to a file",
      rounds: 2,
      only: SLOW,
      command: (capture) => ["argus", "-X", "-r", capture, "-w", "{folder}/argus.out"],
      counts: () => ({}),
    },
    {
      name: "tshark",
      kind: "peer",
      does: "dissection of all layers, conversations",
      rounds: 1,
      only: SLOW,
      command: (capture) => ["tshark", "-n", "-r", capture, ..."-q -z conv,tcp -z conv,udp".split(" ")],
      counts: (output) => {
        // address <-> address | frames bytes | frames bytes | frames bytes | start | duration
        const rows = [...output.matchAll(/ <-> .*?(\d+) \S+ \S+\s+(\d+) \S+ \S+\s+(\d+) \S+ \S+/g)];
        return { sessions: rows.length, packets: rows.reduce((sum, [, , , both]) => sum + Number(both), 0) };
      },
    },
    {
      name: "record walk",
      kind: "limit",
      does: "every record header, nothing else; block reads",
      ...pass("walk"),
    },
    { name: "record walk, mapped", kind: "limit", does: "the same over a mapping", ...pass("walkMap") },
    { name: "memcpy", kind: "limit", does: "of the file's bytes, in memory", ...pass("copy") },
  ];
}

/** Undefined where it can run; otherwise why not. */
export function whyMissing(peer: Peer, { peersPackage }: Places): string | undefined {
  const [program] = peer.command("");
  if (!program!.includes("/") && spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0)
    return `${program} is not installed`;
  if (peer.name.startsWith("pcap-parser") && !existsSync(join(peersPackage, "../node_modules/pcap-parser")))
    return "npm's pcap-parser could not be installed";
  return undefined;
}
