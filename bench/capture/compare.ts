// The measuring itself: all peers in turn, round by round, so that what else happens on the machine hits all alike.
import type { Capture } from "./captures.ts";
import { type Cost, measure, median, type Run } from "./measure.ts";
import type { Counts, Peer } from "./peers.ts";

export interface Result {
  readonly peer: Peer;
  readonly counts: Counts;
  readonly rounds: number;
  /** Medians; of the pass: what an almost empty capture costs is taken off, or as the program measured itself. */
  readonly processor: number;
  readonly wall: number;
  readonly peakBytes: number;
}

export interface CompareOptions {
  readonly rounds: number;
  readonly tool: string;
  readonly say: (text: string) => void;
}

/** What starting each peer costs: its time over a capture of a few packets. */
export function startCosts(
  peers: readonly Peer[],
  empty: Capture,
  { tool }: CompareOptions,
): Map<Peer, Pick<Cost, "processor" | "wall">> {
  return new Map(
    peers.map((peer) => {
      const runs = [1, 2, 3].map(() => measure(tool, peer.command(empty.path)));
      return [
        peer,
        { processor: median(runs.map((r) => r.processor)), wall: median(runs.map((r) => r.wall)) },
      ];
    }),
  );
}

/** One capture, all peers that take it. */
export function compare(
  capture: Capture,
  peers: readonly Peer[],
  start: ReadonlyMap<Peer, Pick<Cost, "processor" | "wall">>,
  options: CompareOptions,
): Result[] {
  const taking = peers.filter(({ only }) => only === undefined || only.includes(capture.name));
  const runs = new Map<Peer, Run[]>(taking.map((peer) => [peer, []]));
  for (let round = 0; round < options.rounds; ++round) {
    // Each round begins with another peer: nobody always follows the same one.
    const first = (round * 3) % taking.length;
    for (const peer of [...taking.slice(first), ...taking.slice(0, first)]) {
      if (round >= (peer.rounds ?? options.rounds)) continue;
      options.say(`${capture.name}, round ${round + 1} of ${options.rounds}: ${peer.name}`);
      runs.get(peer)!.push(measure(options.tool, peer.command(capture.path)));
    }
  }
  return taking.map((peer) => {
    const all = runs.get(peer)!;
    const counts = all.map(({ output }) => peer.counts(output));
    // A limit is the loop alone. Everybody else is measured from outside, less what starting costs.
    const inside = peer.kind === "limit";
    const cost = (key: "processor" | "wall") =>
      inside
        ? median(counts.map((count) => count[key]!))
        : Math.max(0, median(all.map((run) => run[key])) - start.get(peer)![key]);
    return {
      peer,
      counts: counts[0]!,
      rounds: all.length,
      processor: cost("processor"),
      wall: cost("wall"),
      peakBytes: Math.max(...all.map((run) => run.peakBytes)),
    };
  });
}
