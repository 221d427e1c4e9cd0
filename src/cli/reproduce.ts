// flowglyph reproduce: the paper's tables and figures, run here, beside what the paper reports.
import type { Command } from "commander";
import { FlowglyphError } from "../../bindings/errors.ts";
import {
  CONTENDERS,
  type GridRequest,
  openGrid,
  reproduce,
  TARGETS,
  type Target,
} from "../reproduce/index.ts";
import type { TrainingConfig } from "../training/index.ts";
import { type CommandContext, jsonOption, parsePositiveWhole, type RegisterCommand } from "./command.ts";
import {
  listCells,
  optionsGiven,
  parseContenders,
  parseHours,
  shellCommand,
  toldTo,
  trainOption,
} from "./grid.ts";

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
    .option(
      "--only <names>",
      `run these alone: ${CONTENDERS.map(({ name }) => name).join(", ")}`,
      parseContenders,
    )
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
    ...toldTo(terminal),
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

/** The same command with --resume, as a person would type it. */
function resumeCommand(targets: readonly Target[], flags: ReproduceFlags): string {
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
  return shellCommand([
    "reproduce",
    ...targets,
    ...optionsGiven(named),
    ...(flags.quick ? ["--quick"] : []),
    ...(flags.allViews ? ["--all-views"] : []),
    "--resume",
  ]);
}
