// Tables of what was measured, and what the goals say of it.
import { table } from "../capture/report.ts";
import { OURS } from "./peers.ts";
import type { Row, Task } from "./rounds.ts";

export interface Measured {
  readonly task: Task;
  readonly rows: readonly Row[];
}

const seconds = (value: number) => value.toFixed(value < 10 ? 3 : 1);
const ratio = (value: number) => value.toFixed(2);

export function speedTable(measured: readonly Measured[], peaks: ReadonlyMap<string, number>): string {
  return table([
    ["", "", "s", "processor s", "times flowglyph", "of processor time", "peak MB"],
    ...measured.flatMap(({ task, rows }) =>
      rows.map((row, i) => [
        i === 0 ? task.name : "",
        row.peer,
        seconds(row.wall),
        seconds(row.processor),
        row.peer === OURS ? "1" : ratio(row.ratioWall),
        row.peer === OURS ? "1" : ratio(row.ratioProcessor),
        ((peaks.get(row.peer) ?? 0) / 1e6).toFixed(0),
      ]),
    ),
  ]);
}

export interface Goal {
  readonly goal: string;
  /** At most. */
  readonly wanted: number;
  readonly reached: number;
}

/** flowglyph's share of each PyTorch's time, of the epochs. */
export function goalsOf(measured: readonly Measured[]): Goal[] {
  return measured
    .filter(({ task }) => task.steps === undefined)
    .flatMap(({ task, rows }) =>
      rows
        .filter(({ peer }) => peer.startsWith("PyTorch") || peer.startsWith("torch"))
        .map((row) => ({
          goal: `${task.name}, share of ${row.peer}'s time`,
          wanted: 0.67,
          reached: 1 / row.ratioWall,
        })),
    );
}

export function goalTable(goals: readonly Goal[]): string {
  return table([
    ["goal", "at most", "reached", ""],
    ...goals.map(({ goal, wanted, reached }) => [
      goal,
      ratio(wanted),
      ratio(reached),
      reached <= wanted ? "met" : "not met",
    ]),
  ]);
}
