// What `reproduce` and `compare` share on the command line: options, parsers, the run with its progress, the list of cells.
import { type Command, InvalidArgumentError, Option } from "commander";
import { FlowglyphError } from "../../bindings/errors.ts";
import type { Cell } from "../reproduce/cells.ts";
import type { Estimator } from "../reproduce/estimate.ts";
import { CONTENDERS, type RunCellsOptions, type RunProgress, secondsOf } from "../reproduce/index.ts";
import type { StoredCell } from "../reproduce/store.ts";
import { CONFIG_FIELDS, type TrainingConfig } from "../training/index.ts";
import { type CommandContext, jsonOption, parsePositiveWhole } from "./command.ts";
import { formatDuration } from "./format.ts";
import type { Terminal } from "./terminal.ts";

/** What `addRunOptions` adds, and the folders. */
export interface RunFlags {
  readonly data?: string;
  readonly output: string;
  readonly resume?: boolean;
  readonly maxHours?: number;
  readonly epochs?: number;
  readonly pretrainEpochs?: number;
  readonly precision?: TrainingConfig["precision"];
  readonly threads?: number;
  readonly device?: TrainingConfig["device"];
  readonly list?: boolean;
  readonly json?: boolean;
}

/** Options that say how cells are run; those that say which ones are each command's own. */
export function addRunOptions(command: Command): Command {
  return command
    .option("--resume", "go on in a folder that holds cells; what is done stays")
    .option(
      "--max-hours <h>",
      "begin no cell after this time; 0 writes the report of what is there",
      parseHours,
    )
    .option(
      "--epochs <n>",
      "epochs of the supervised phase at most, in every cell (default: train's)",
      parsePositiveWhole,
    )
    .option(
      "--pretrain-epochs <n>",
      "epochs of phases without labels, in every cell (default: train's)",
      parsePositiveWhole,
    )
    .addOption(trainOption("precision"))
    .option("--threads <n>", "CPU threads of one operation (default: all)", parsePositiveWhole)
    .addOption(trainOption("device").default("auto"))
    .option("--list", "print the cells, what is done and what the rest may take; run nothing")
    .addOption(jsonOption());
}

/** Of every network, what was given. */
export function trainingGiven({ epochs, pretrainEpochs, precision }: RunFlags) {
  return {
    ...(epochs && { epochs }),
    ...(pretrainEpochs && { pretrainEpochs }),
    ...(precision && { precision }),
  };
}

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

function parseHours(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0)) throw new InvalidArgumentError("Expected a number, 0 or more.");
  return value;
}

interface ReportedRun {
  readonly summary: { readonly cellsDone: number; readonly cellsAsked: number };
  readonly files: readonly string[];
  readonly complete: boolean;
}

/** One run of cells, from its flags to the files that it names; where cells are left, also the command that goes on. */
export async function runGrid(
  flags: RunFlags,
  { terminal, signal }: CommandContext,
  resumeCommand: string,
  run: (options: RunCellsOptions) => Promise<ReportedRun>,
): Promise<void> {
  const { output, resume, device, threads, maxHours } = flags;
  const goOn = `Every finished cell is kept in ${output}: go on with \`flowglyph ${resumeCommand}\``;
  const { summary, files, complete } = await run({
    ...{ resume, device, threads, maxHours, signal },
    ...toldTo(terminal),
  }).catch((error: unknown) => {
    terminal.progressDone();
    if (error instanceof FlowglyphError && error.code === "ERR_ABORTED") terminal.note(goOn);
    throw error;
  });
  terminal.progressDone();
  if (flags.json) await terminal.out(`${JSON.stringify(summary, null, 2)}\n`);
  else await terminal.out(files.map((file) => `${output}/${file}\n`).join(""));
  const { cellsDone, cellsAsked } = summary;
  terminal.note(`${cellsDone} of ${cellsAsked} cells are done; the report is ${output}/report.md`);
  if (!complete) terminal.note(goOn);
}

/** What a run of cells says while it lasts. */
function toldTo(terminal: Terminal): Pick<RunCellsOptions, "onProgress" | "onCell"> {
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

type NamedFlag = readonly [option: string, value: string | number | boolean | undefined];

/** The same command with --resume, as a person would type it; `own` are the flags that say which cells. */
export function resumeCommand(words: readonly string[], own: readonly NamedFlag[], flags: RunFlags): string {
  const named: readonly NamedFlag[] = [
    ["--data", flags.data],
    ["-o", flags.output],
    ["--epochs", flags.epochs],
    ["--pretrain-epochs", flags.pretrainEpochs],
    ["--precision", flags.precision],
    ["--threads", flags.threads],
    ["--device", flags.device === "auto" ? undefined : flags.device],
    ...own,
    ["--resume", true],
  ];
  const given = named.flatMap(([option, value]) =>
    value === undefined || value === false ? [] : value === true ? [option] : [option, String(value)],
  );
  return [...words, ...given].map(shellWord).join(" ");
}

const shellWord = (text: string) =>
  /^[\w./:,=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

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
