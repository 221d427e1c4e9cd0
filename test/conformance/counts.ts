// What we count in the captures of the conformance corpus.
import { join } from "node:path";
import { type CaptureOptions, inspect } from "../../src/capture/index.ts";

/** An entry of the corpus's expected.json. */
export interface Expected {
  readonly path: string;
  readonly packets: number;
  readonly tcp: number;
  readonly udp: number;
  readonly frag_tail: number;
  readonly ndpi?: { readonly tcp: number; readonly udp: number };
  readonly two_implementations_agree?: boolean;
  readonly packets_confirmed_by_tcpdump_out?: boolean;
}

export interface Counts {
  readonly packets: number;
  readonly tcp: number;
  readonly udp: number;
  /** Fragments past the first. */
  readonly frag_tail: number;
  /** The code, where the file cannot be read. */
  readonly error?: string;
}

export interface SessionCounts {
  readonly tcp: number;
  readonly udp: number;
}

/** TCP and UDP sessions with tunnels left closed, and with all of them opened. */
export interface TunnelCounts {
  readonly none: SessionCounts;
  readonly all: SessionCounts;
}

const UNLIMITED = { idleTimeout: 0, activeTimeout: 0, threads: 1 } as const;

export async function countsOf(path: string, options: CaptureOptions): Promise<Counts> {
  try {
    const { packets, sessions, skipped } = await inspect(path, { ...UNLIMITED, ...options });
    return { packets, tcp: sessions.tcp, udp: sessions.udp, frag_tail: skipped.fragmentTail ?? 0 };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return { packets: 0, tcp: 0, udp: 0, frag_tail: 0, error: code };
  }
}

/** Of the captures where opening tunnels changes a count. */
export async function countTunnels(
  folder: string,
  captures: readonly Expected[],
): Promise<Record<string, TunnelCounts>> {
  const counts: Record<string, TunnelCounts> = {};
  for (const { path } of captures) {
    const [none, all] = [
      await countsOf(join(folder, path), { decap: "none", view: "l3" }),
      await countsOf(join(folder, path), { decap: "all", view: "l3" }),
    ];
    if (none.tcp !== all.tcp || none.udp !== all.udp)
      counts[path] = { none: { tcp: none.tcp, udp: none.udp }, all: { tcp: all.tcp, udp: all.udp } };
  }
  return counts;
}
