// flowglyph compare: models against each other by label count, on image sets, masks and splits.
import { type Command, InvalidArgumentError } from "commander";
import { MASKS, type Mask } from "../capture/names.ts";
import {
  type ComparisonRequest,
  compare,
  DEFAULT_LABELS,
  DEFAULT_MODELS,
  DEFAULT_SETS,
  type LabelCount,
  MODEL_NAMES,
  openComparison,
} from "../compare/index.ts";
import { CONFIG_FIELDS } from "../training/index.ts";
import { type CommandContext, parsePositiveWhole, type RegisterCommand } from "./command.ts";
import {
  addRunOptions,
  listCells,
  parseNames,
  type RunFlags,
  resumeCommand,
  runGrid,
  trainingGiven,
} from "./grid.ts";

const EXAMPLES = `
A set is a published image set below --data (iscx12/SessionAllLayers, iscx12/SessionL7, ustc20/SessionAllLayers, ustc20/SessionL7),
\`samples\` (the sample captures of the repository), or the folder of a dataset that \`encode --mask none\` wrote. Images are masked
as --masks says, then duplicates are removed. A test part that is given stays (split given); otherwise the split is random, and
where capture files are known also by capture (split group). Of view l7 there is one mask: it holds no headers.

Examples:
  $ flowglyph compare --data data -o comparison --models majority,nearest,trees    # no libtorch, no GPU; then, in the same folder:
  $ flowglyph compare --data data -o comparison --resume --max-hours 8             # the networks too; stops after a cell, writes the report
  $ flowglyph compare -o mine --sets dataset --labels 100,1000 --seeds 3           # a dataset of your own
  $ flowglyph compare --data data -o comparison --list                             # what there is to run, and how long it may take
  $ flowglyph compare -o small --sets samples --quick                              # everything, tiny: does it work?
`;

interface CompareFlags extends RunFlags {
  readonly sets?: readonly string[];
  readonly masks?: readonly Mask[];
  readonly labels?: readonly LabelCount[];
  readonly models?: readonly string[];
  readonly only?: readonly string[];
  readonly seeds?: number;
  readonly unlabelled?: number | "all";
  readonly quick?: boolean;
}

export const registerCompare: RegisterCommand = (program, context) => {
  const command = program
    .command("compare")
    .description(
      "Compare models by label count: accuracy, macro-F1, paired differences and training time, over image sets, masks, splits and seeds.",
    )
    .option("--data <folder>", "folder of the published image sets")
    .requiredOption(
      "-o, --output <folder>",
      "folder for cells, report.md, results.csv, results.json and charts",
    )
    .option("--sets <list>", `what to compare on (default: ${DEFAULT_SETS.join(",")})`, parseList)
    .option("--masks <list>", `masks, from ${MASKS.join(", ")} (default: all)`, (text) =>
      parseNames(text, MASKS),
    )
    .option(
      "--labels <list>",
      `label counts, as train takes them (default: ${DEFAULT_LABELS.join(",")})`,
      parseLabels,
    )
    .option(
      "--models <list>",
      `from ${MODEL_NAMES.join(", ")} (default: ${DEFAULT_MODELS.join(",")})`,
      (text) => parseNames(text, MODEL_NAMES),
    )
    .option("--only <list>", "of the models run these alone; the report holds all", (text) =>
      parseNames(text, MODEL_NAMES),
    )
    .option("--seeds <n>", "seeds of each row (default: 5; with --quick 2)", parsePositiveWhole)
    .option(
      "--unlabelled <n|all>",
      "images without labels for models that use them (default: 8000)",
      parseUnlabelled,
    )
    .option("--quick", "a small version of everything: its scores mean nothing");
  addRunOptions(command)
    .addHelpText("after", EXAMPLES)
    .action((flags: CompareFlags, _command: Command) => runCompare(flags, context));
};

function parseList(text: string): string[] {
  const items = text.split(",").map((item) => item.trim());
  if (items.includes("")) throw new InvalidArgumentError("Expected names between commas.");
  return items;
}

function parseLabels(text: string): LabelCount[] {
  const { expected, check } = CONFIG_FIELDS.labels;
  return parseList(text).map((item) => {
    const count = /^\d+$/.test(item) ? Number(item) : item;
    if (!check(count)) throw new InvalidArgumentError(`Expected of each ${expected}.`);
    return count as LabelCount;
  });
}

function parseUnlabelled(text: string): number | "all" {
  const count = /^\d+$/.test(text) ? Number(text) : text;
  if (!CONFIG_FIELDS.unlabeled.check(count))
    throw new InvalidArgumentError(`Expected ${CONFIG_FIELDS.unlabeled.expected}.`);
  return count as number | "all";
}

async function runCompare(flags: CompareFlags, context: CommandContext): Promise<void> {
  const { data, output, sets, masks, labels, models, only, seeds, unlabelled, quick } = flags;
  const request: ComparisonRequest = {
    ...{ data, out: output, sets, masks, labels, models, only, seeds, unlabelled, quick },
    training: trainingGiven(flags),
  };
  if (flags.list) {
    await listCells(await openComparison(request), flags.json === true, context.terminal);
    return;
  }
  const goOn = resumeCommand(
    ["compare"],
    [
      ["--sets", sets?.join(",")],
      ["--masks", masks?.join(",")],
      ["--labels", labels?.join(",")],
      ["--models", models?.join(",")],
      ["--only", only?.join(",")],
      ["--seeds", seeds],
      ["--unlabelled", unlabelled],
      ["--quick", quick],
    ],
    flags,
  );
  await runGrid(flags, context, goOn, (options) => compare({ ...request, ...options }));
}
