// flowglyph reproduce: the paper's tables and figures, run here, beside what the paper reports.
import { type Command, InvalidArgumentError, Option } from "commander";
import { FlowglyphError } from "../../bindings/errors.ts";
import {
  CONTENDERS,
  type Grid,
  type GridRequest,
  openGrid,
  type ReproduceProgress,
  reproduce,
  secondsOf,
  TARGETS,
  type Target,
} from "../reproduce/index.ts";
import { CONFIG_FIELDS, type TrainingConfig } from "../training/index.ts";
import { type CommandContext, jsonOption, parsePositiveWhole, type RegisterCommand } from "./command.ts";
import { formatDuration } from "./format.ts";
import type { Terminal } from "./terminal.ts";

const EXAMPLES = `
DATA holds the published image sets as folders of IDX files: iscx12/SessionAllLayers, iscx12/SessionL7,
ustc20/SessionAllLayers, ustc20/SessionL7, as far as the tables that are asked for need them.

Examples:
  $ flowglyph reproduce all --data data -o results --list              # what there is to run, and how long it may take
  $ flowglyph reproduce table3 --data data -o results --seeds 1        # one table, one seed
  $ flowglyph reproduce all --data data -o results --max-hours 8       # overnight: stops after a cell, writes the report
  $ flowglyph reproduce all --data data -o results --resume            # goes on, after that, Ctrl-C, a kill or a power cut
  $ flowglyph reproduce all --data data -o results --resume --only clgan,trees,nearest
  $ flowglyph reproduce all --data data -o results --resume --max-hours 0   # only writes the report of what is there
  $ flowglyph reproduce all --data data -o small --quick               # everything, tiny: does it work?

The report holds the tables that the command names. Without the published sets, scripts/stand-in-data.sh lays out the sample
captures in their place, for --quick.
`;

interface ReproduceFlags {
  readonly data: string;
  readonly output: string;
  readonly seeds?: number;
  readonly quick?: boolean;
  readonly resume?: boolean;
  readonly only?: readonly string[];
  readonly allViews?: boolean;
  readonly maxHours?: number;
  readonly epochs?: number;
  readonly pretrainEpochs?: number;
  readonly precision?: TrainingConfig["precision"];
  readonly recipe?: TrainingConfig["recipe"];
  readonly threads?: number;
  readonly device?: TrainingConfig["device"];
  readonly list?: boolean;
  readonly json?: boolean;
}

export const registerReproduce: RegisterCommand = (program, context) => {
  program
    .command("reproduce")
    .description(
      "Run the CLGAN paper's tables and figures, and set them beside what it reports. Needs libtorch.",
    )
    .argument("<target...>", `what to run: ${TARGETS.join(", ")}`)
    .requiredOption("--data <folder>", "folder of the image sets")
    .requiredOption(
      "-o, --output <folder>",
      "folder for cells, report.md, results.csv, results.json and figures",
    )
    .option("--seeds <n>", "seeds of each row (default: 5; with --quick 1)", parsePositiveWhole)
    .option("--quick", "a small version of everything, in about a minute: its scores mean nothing")
    .option("--resume", "go on in a folder that holds cells; what is done stays")
    .option("--only <names>", `run these alone: ${CONTENDERS.map(({ name }) => name).join(", ")}`, parseNames)
    .option("--all-views", "also the other view of each image set")
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
    .addOption(trainOption("recipe"))
    .option("--threads <n>", "CPU threads of one operation (default: all)", parsePositiveWhole)
    .addOption(trainOption("device").default("auto"))
    .option("--list", "print the cells, what is done and what the rest may take; run nothing")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action((targets: Target[], flags: ReproduceFlags, _command: Command) =>
      runReproduce(targets, flags, context),
    );
};

/** An option of `train`, for every network of the grid. */
function trainOption(key: "precision" | "recipe" | "device"): Option {
  const { about, expected, check } = CONFIG_FIELDS[key];
  return new Option(`--${key} <name>`, about).argParser((text) => {
    if (!check(text)) throw new InvalidArgumentError(`Expected ${expected}.`);
    return text;
  });
}

function parseNames(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  const known: readonly string[] = CONTENDERS.map(({ name }) => name);
  const wrong = names.find((name) => !known.includes(name));
  if (wrong !== undefined) throw new InvalidArgumentError(`Expected names among ${known.join(", ")}.`);
  return names;
}

function parseHours(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0)) throw new InvalidArgumentError("Expected a number, 0 or more.");
  return value;
}

async function runReproduce(
  targets: readonly Target[],
  flags: ReproduceFlags,
  { terminal, signal }: CommandContext,
): Promise<void> {
  const { epochs, pretrainEpochs, precision, recipe } = flags;
  const request: GridRequest = {
    targets,
    data: flags.data,
    out: flags.output,
    seeds: flags.seeds,
    quick: flags.quick,
    only: flags.only,
    allViews: flags.allViews,
    training: {
      ...(epochs && { epochs }),
      ...(pretrainEpochs && { pretrainEpochs }),
      ...(precision && { precision }),
      ...(recipe && { recipe }),
    },
  };
  if (flags.list) {
    await listCells(await openGrid(request), flags.json === true, terminal);
    return;
  }
  const goOn = `Every finished cell is kept in ${flags.output}: go on with \`flowglyph ${resumeCommand(targets, flags)}\``;
  const { summary, files, complete } = await reproduce({
    ...request,
    resume: flags.resume,
    device: flags.device,
    threads: flags.threads,
    maxHours: flags.maxHours,
    signal,
    onProgress: (progress) => terminal.progress(progressLine(progress)),
    onCell: ({ key }, result, { done, cells, secondsLeft }) => {
      const said =
        "failed" in result
          ? `failed: ${result.failed.message}`
          : `accuracy ${(100 * result.scores.accuracy).toFixed(1)} %, macro-F1 ${(100 * result.scores.macroF1).toFixed(1)} %, ${formatDuration(result.seconds)}`;
      terminal.note(`${done}/${cells} ${key}: ${said}; about ${formatDuration(secondsLeft)} left`);
    },
  }).catch((error: unknown) => {
    terminal.progressDone();
    if (error instanceof FlowglyphError && error.code === "ERR_ABORTED") terminal.note(goOn);
    throw error;
  });
  terminal.progressDone();
  if (flags.json) await terminal.out(`${JSON.stringify(summary, null, 2)}\n`);
  else await terminal.out(files.map((file) => `${flags.output}/${file}\n`).join(""));
  const { cellsDone, cellsAsked } = summary;
  terminal.note(`${cellsDone} of ${cellsAsked} cells are done; the report is ${flags.output}/report.md`);
  if (!complete) terminal.note(goOn);
}

function progressLine({ cell, done, cells, secondsLeft, training }: ReproduceProgress) {
  const { phase, epoch, epochs, loss, secondsLeft: phaseLeft } = training;
  return {
    fraction: done / cells,
    text: `${done + 1}/${cells} ${cell.key}: ${phase} epoch ${epoch}/${epochs}${loss === undefined ? "" : ` loss ${loss.toFixed(3)}`}, ${formatDuration(phaseLeft)} of this phase, about ${formatDuration(secondsLeft)} in all`,
  };
}

/** The same command with --resume, as a person would type it. */
function resumeCommand(targets: readonly Target[], flags: ReproduceFlags): string {
  const quote = (text: string) =>
    /^[\w./:,=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
  const named: readonly (readonly [string, string | number | undefined])[] = [
    ["--data", flags.data],
    ["-o", flags.output],
    ["--seeds", flags.seeds],
    ["--only", flags.only?.join(",")],
    ["--epochs", flags.epochs],
    ["--pretrain-epochs", flags.pretrainEpochs],
    ["--precision", flags.precision],
    ["--recipe", flags.recipe],
    ["--threads", flags.threads],
    ["--device", flags.device === "auto" ? undefined : flags.device],
  ];
  return [
    "reproduce",
    ...targets,
    ...named.flatMap(([name, value]) => (value === undefined ? [] : [name, quote(String(value))])),
    ...(flags.quick ? ["--quick"] : []),
    ...(flags.allViews ? ["--all-views"] : []),
    "--resume",
  ].join(" ");
}

async function listCells(grid: Grid, json: boolean, terminal: Terminal): Promise<void> {
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
