// flowglyph reproduce: the paper's tables and figures, run here, beside what the paper reports.
import type { Command } from "commander";
import {
  CONTENDERS,
  type GridRequest,
  openGrid,
  reproduce,
  TARGETS,
  type Target,
} from "../reproduce/index.ts";
import type { TrainingConfig } from "../training/index.ts";
import { type CommandContext, parsePositiveWhole, type RegisterCommand } from "./command.ts";
import {
  addRunOptions,
  listCells,
  parseContenders,
  type RunFlags,
  resumeCommand,
  runGrid,
  trainingGiven,
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

interface ReproduceFlags extends RunFlags {
  readonly data: string;
  readonly seeds?: number;
  readonly quick?: boolean;
  readonly only?: readonly string[];
  readonly allViews?: boolean;
  readonly recipe?: TrainingConfig["recipe"];
}

export const registerReproduce: RegisterCommand = (program, context) => {
  const command = program
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
    .option(
      "--only <names>",
      `run these alone: ${CONTENDERS.map(({ name }) => name).join(", ")}`,
      parseContenders,
    )
    .option("--all-views", "also the other view of each image set")
    .addOption(trainOption("recipe"));
  addRunOptions(command)
    .addHelpText("after", EXAMPLES)
    .action((targets: Target[], flags: ReproduceFlags, _command: Command) =>
      runReproduce(targets, flags, context),
    );
};

async function runReproduce(
  targets: readonly Target[],
  flags: ReproduceFlags,
  context: CommandContext,
): Promise<void> {
  const { data, output, seeds, quick, only, allViews, recipe } = flags;
  const request: GridRequest = {
    ...{ targets, data, out: output, seeds, quick, only, allViews },
    training: { ...trainingGiven(flags), ...(recipe && { recipe }) },
  };
  if (flags.list) {
    await listCells(await openGrid(request), flags.json === true, context.terminal);
    return;
  }
  const goOn = resumeCommand(
    ["reproduce", ...targets],
    [
      ["--seeds", seeds],
      ["--only", only?.join(",")],
      ["--recipe", recipe],
      ["--quick", quick],
      ["--all-views", allViews],
    ],
    flags,
  );
  await runGrid(flags, context, goOn, (options) => reproduce({ ...request, ...options }));
}
