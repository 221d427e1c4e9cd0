// What `reproduce` and `compare` share on the command line: parsers, lines of progress, the list of cells.
import { InvalidArgumentError, Option } from "commander";
import type { Cell } from "../reproduce/cells.ts";
import type { Estimator } from "../reproduce/estimate.ts";
import { CONTENDERS, type RunCellsOptions, type RunProgress, secondsOf } from "../reproduce/index.ts";
import type { StoredCell } from "../reproduce/store.ts";
import { CONFIG_FIELDS } from "../training/index.ts";
import { formatDuration } from "./format.ts";
import type { Terminal } from "./terminal.ts";

/** Names between commas. @throws InvalidArgumentError for one that is not among `known` */
export function parseNames(text: string, known: readonly string[]): string[] {
  const names = text.split(",").map((name) => name.trim());
  const wrong = names.find((name) => !known.includes(name));
  if (wrong !== undefined) throw new InvalidArgumentError(`Expected names among ${known.join(", ")}.`);
  return names;
}

export const parseContenders = (text: string): string[] =>
  parseNames(
    text,
    CONTENDERS.map(({ name }) => name),
  );

/** An option of `train`, for every network of the grid. */
export function trainOption(key: "precision" | "recipe" | "device"): Option {
  const { about, expected, check } = CONFIG_FIELDS[key];
  return new Option(`--${key} <name>`, about).argParser((text) => {
    if (!check(text)) throw new InvalidArgumentError(`Expected ${expected}.`);
    return text;
  });
}

export function parseHours(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0)) throw new InvalidArgumentError("Expected a number, 0 or more.");
  return value;
}

/** What a run of cells says while it lasts. */
export function toldTo(terminal: Terminal): Pick<RunCellsOptions, "onProgress" | "onCell"> {
  return {
    onProgress: (progress) => terminal.progress(progressLine(progress)),
    onCell: ({ key }, result, { done, cells, secondsLeft }) => {
      const said =
        "failed" in result
          ? `failed: ${result.failed.message}`
          : `accuracy ${(100 * result.scores.accuracy).toFixed(1)} %, macro-F1 ${(100 * result.scores.macroF1).toFixed(1)} %, ${formatDuration(result.seconds)}`;
      terminal.note(`${done}/${cells} ${key}: ${said}; about ${formatDuration(secondsLeft)} left`);
    },
  };
}

function progressLine({ cell, done, cells, secondsLeft, training }: RunProgress) {
  const { phase, epoch, epochs, loss, secondsLeft: phaseLeft } = training;
  return {
    fraction: done / cells,
    text: `${done + 1}/${cells} ${cell.key}: ${phase} epoch ${epoch}/${epochs}${loss === undefined ? "" : ` loss ${loss.toFixed(3)}`}, ${formatDuration(phaseLeft)} of this phase, about ${formatDuration(secondsLeft)} in all`,
  };
}

/** Of options with values, those that were given. */
export function optionsGiven(named: readonly (readonly [string, string | number | undefined])[]): string[] {
  return named.flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)]));
}

/** Words as a person would type them into a shell. */
export function shellCommand(words: readonly string[]): string {
  const quote = (text: string) =>
    /^[\w./:,=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
  return words.map(quote).join(" ");
}

/** A grid whose cells can be listed. */
export interface ListedGrid {
  readonly cells: readonly Cell[];
  readonly stored: ReadonlyMap<string, StoredCell>;
  readonly begun: readonly string[];
  readonly estimate: Estimator;
}

export async function listCells(grid: ListedGrid, json: boolean, terminal: Terminal): Promise<void> {
  const cells = grid.cells.map(({ key, trial, seed, tables }) => {
    const stored = grid.stored.get(key);
    const state =
      stored === undefined
        ? grid.begun.includes(key)
          ? "begun"
          : "to do"
        : "failed" in stored
          ? "failed"
          : "done";
    const seconds =
      stored !== undefined && !("failed" in stored) ? stored.seconds : grid.estimate.cell(trial);
    return { key, state, seconds, tables, set: trial.set, contender: trial.contender.name, seed };
  });
  if (json) {
    await terminal.out(`${JSON.stringify(cells, null, 2)}\n`);
    return;
  }
  const lines = cells.map(
    ({ key, state, seconds, tables }) =>
      `${state.padEnd(6)} ${(state === "done" ? "" : "~") + formatDuration(seconds)}`.padEnd(20) +
      ` ${key}  ${tables.join(" ")}\n`,
  );
  const left = cells.filter(({ state }) => state !== "done");
  const sum = secondsOf(
    grid.cells.filter((_, i) => cells[i]!.state !== "done"),
    grid.begun,
    grid.estimate,
  );
  await terminal.out(
    `${lines.join("")}${cells.length - left.length} of ${cells.length} cells are done; the rest may take ${formatDuration(sum)} on one CPU core\n`,
  );
}
