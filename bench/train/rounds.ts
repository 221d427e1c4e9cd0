// All peers in turn, round by round, so that what else happens on the machine hits all alike; medians.
import { median } from "../capture/measure.ts";
import type { Peer } from "./peer.ts";
import type { Figures, Phase } from "./peer-server.ts";

export interface Task {
  readonly name: string;
  readonly phase: Phase;
  /** Undefined: an epoch. */
  readonly steps: number | undefined;
  readonly rounds: number;
}

export interface Row extends Figures {
  readonly peer: string;
  /** How many times the first peer's time it takes; the median over the rounds of each round's ratio. */
  readonly ratioWall: number;
  readonly ratioProcessor: number;
  readonly rounds: number;
}

/** Seconds a step (or an epoch) of each peer. The first peer is what the ratios refer to. */
export async function measureTask(
  task: Task,
  peers: readonly Peer[],
  say: (text: string) => void,
): Promise<Row[]> {
  const runs = new Map<Peer, Figures[]>(peers.map((peer) => [peer, []]));
  for (const peer of peers) await peer.run(task.phase, task.steps === undefined ? 1 : 2); // warm-up
  for (let round = 0; round < task.rounds; round++) {
    // Each round begins with another peer: nobody always follows the same one.
    const first = round % peers.length;
    for (const peer of [...peers.slice(first), ...peers.slice(0, first)]) {
      const { wall, processor } = await peer.run(task.phase, task.steps);
      const each = task.steps ?? 1;
      runs.get(peer)!.push({ wall: wall / each, processor: processor / each });
      say(
        `${task.name}, round ${round + 1} of ${task.rounds}: ${peer.row.name} ${(wall / each).toFixed(3)} s`,
      );
    }
  }
  const reference = runs.get(peers[0]!)!;
  return peers.map((peer) => {
    const mine = runs.get(peer)!;
    const ratio = (key: keyof Figures) => median(mine.map((figures, i) => figures[key] / reference[i]![key]));
    return {
      peer: peer.row.name,
      wall: median(mine.map(({ wall }) => wall)),
      processor: median(mine.map(({ processor }) => processor)),
      ratioWall: ratio("wall"),
      ratioProcessor: ratio("processor"),
      rounds: mine.length,
    };
  });
}
