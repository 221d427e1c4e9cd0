// flowglyph compare: models against each other by label count, on image sets, masks and splits.
import { type Command, InvalidArgumentError } from "commander";
import { FlowglyphError } from "../../bindings/errors.ts";
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
import { CONFIG_FIELDS, type TrainingConfig } from "../training/index.ts";
import { type CommandContext, jsonOption, parsePositiveWhole, type RegisterCommand } from "./command.ts";
import {
  listCells,
  optionsGiven,
  parseHours,
  parseNames,
  shellCommand,
  toldTo,
  trainOption,
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

interface CompareFlags {
  readonly data?: string;
  readonly output: string;
  readonly sets?: readonly string[];
  readonly masks?: readonly Mask[];
  readonly labels?: readonly LabelCount[];
  readonly models?: readonly string[];
  readonly only?: readonly string[];
  readonly seeds?: number;
  readonly unlabelled?: number | "all";
  readonly quick?: boolean;
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

export const registerCompare: RegisterCommand = (program, context) => {
  program
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
    .option("--quick", "a small version of everything: its scores mean nothing")
    .option("--resume", "go on in a folder that holds cells; what is done stays")
    .option(
      "--max-hours <h>",
      "begin no cell after this time; 0 writes the report of what is there",
      parseHours,
    )
    .option("--epochs <n>", "epochs of the supervised phase at most (default: train's)", parsePositiveWhole)
    .option("--pretrain-epochs <n>", "epochs of phases without labels (default: train's)", parsePositiveWhole)
    .addOption(trainOption("precision"))
    .option("--threads <n>", "CPU threads of one operation (default: all)", parsePositiveWhole)
    .addOption(trainOption("device").default("auto"))
    .option("--list", "print the cells, what is done and what the rest may take; run nothing")
    .addOption(jsonOption())
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

async function runCompare(flags: CompareFlags, { terminal, signal }: CommandContext): Promise<void> {
  const { data, output, sets, masks, labels, models, only, seeds, unlabelled, quick } = flags;
  const { epochs, pretrainEpochs, precision } = flags;
  const training = {
    ...(epochs && { epochs }),
    ...(pretrainEpochs && { pretrainEpochs }),
    ...(precision && { precision }),
  };
  const request: ComparisonRequest = {
    ...{ data, out: output, sets, masks, labels, models, only, seeds, unlabelled, quick },
    ...(Object.keys(training).length > 0 && { training }),
  };
  if (flags.list) {
    await listCells(await openComparison(request), flags.json === true, terminal);
    return;
  }
  const goOn = `Every finished cell is kept in ${output}: go on with \`flowglyph ${resumeCommand(flags)}\``;
  const { summary, files, complete } = await compare({
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
  else await terminal.out(files.map((file) => `${output}/${file}\n`).join(""));
  const { cellsDone, cellsAsked } = summary;
  terminal.note(`${cellsDone} of ${cellsAsked} cells are done; the report is ${output}/report.md`);
  if (!complete) terminal.note(goOn);
}

/** The same command with --resume, as a person would type it. */
function resumeCommand(flags: CompareFlags): string {
  const named: readonly (readonly [string, string | number | undefined])[] = [
    ["--data", flags.data],
    ["-o", flags.output],
    ["--sets", flags.sets?.join(",")],
    ["--masks", flags.masks?.join(",")],
    ["--labels", flags.labels?.join(",")],
    ["--models", flags.models?.join(",")],
    ["--only", flags.only?.join(",")],
    ["--seeds", flags.seeds],
    ["--unlabelled", flags.unlabelled],
    ["--epochs", flags.epochs],
    ["--pretrain-epochs", flags.pretrainEpochs],
    ["--precision", flags.precision],
    ["--threads", flags.threads],
    ["--device", flags.device === "auto" ? undefined : flags.device],
  ];
  return shellCommand(["compare", ...optionsGiven(named), ...(flags.quick ? ["--quick"] : []), "--resume"]);
}
