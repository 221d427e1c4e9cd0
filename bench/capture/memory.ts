// Peak memory of whole runs over captures that are larger than memory or meant to fill it.
import { type CaptureSpec, generate, MEMORY_CAPTURES } from "./captures.ts";
import type { CompareOptions } from "./compare.ts";
import { measure } from "./measure.ts";
import { allPeers, type Places } from "./peers.ts";
import { table } from "./report.ts";

export interface MemoryRow {
  readonly capture: string;
  readonly who: string;
  readonly gigabytes: number;
  readonly packets: number;
  readonly sessions: number;
  readonly written: number;
  readonly evicted: number;
  readonly peakMegabytes: number;
  readonly processor: number;
  readonly wall: number;
}

const WHO = ["core, 1 thread", "core, 2 threads", "flowglyph, 1 thread", "flowglyph, 2 threads"];

export function memoryRows(
  data: string,
  quick: boolean,
  generator: string,
  places: Places,
  { tool, say }: CompareOptions,
): MemoryRow[] {
  const peers = allPeers(places).filter(({ name }) => WHO.includes(name));
  return Object.values(MEMORY_CAPTURES).flatMap((spec: CaptureSpec) => {
    say(`capture ${spec.name}: ${spec.what}`);
    const capture = generate(spec, data, quick, generator);
    return peers.map((peer) => {
      say(`${capture.name}: ${peer.name}`);
      const { output, peakBytes, processor, wall } = measure(tool, peer.command(capture.path));
      const counts = peer.counts(output);
      return {
        capture: capture.name,
        who: peer.name,
        gigabytes: capture.bytes / 1e9,
        packets: counts.packets ?? 0,
        sessions: counts.sessions ?? 0,
        written: capture.tcpSessions + capture.udpSessions,
        evicted: counts.evicted ?? 0,
        peakMegabytes: peakBytes / 1e6,
        processor,
        wall,
      };
    });
  });
}

export function memoryTable(rows: readonly MemoryRow[]): string {
  const count = (value: number) => value.toLocaleString("en-US");
  return table([
    [
      "capture",
      "who",
      "GB",
      "packets",
      "sessions written",
      "sessions out",
      "evicted",
      "peak MB",
      "processor s",
      "wall s",
    ],
    ...rows.map((row) => [
      row.capture,
      row.who,
      row.gigabytes.toFixed(2),
      count(row.packets),
      count(row.written),
      count(row.sessions),
      count(row.evicted),
      row.peakMegabytes.toFixed(0),
      row.processor.toFixed(1),
      row.wall.toFixed(1),
    ]),
  ]);
}
