// flowglyph train: a dataset and a few labels become a run folder with a checked ONNX model and its scores.
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Command, InvalidArgumentError, type Option } from "commander";
import { FlowglyphError } from "../../bindings/errors.ts";
import { openDataset } from "../dataset/open.ts";
import { makeSplit } from "../dataset/split.ts";
import type { Dataset, Split } from "../dataset/types.ts";
import { evaluationReport } from "../evaluation/report.ts";
import { MODELS, resolveModelOptions } from "../models/registry.ts";
import { makeFolder } from "../output-path.ts";
import { systemReason } from "../system-error.ts";
import {
  CONFIG_FIELDS,
  readRunConfig,
  readRunSplit,
  resolveConfig,
  runPath,
  splitOptions,
  type TrainingConfig,
  train,
} from "../training/index.ts";
import { type CommandContext, jsonOption, type RegisterCommand } from "./command.ts";
import { configOption } from "./config-option.ts";
import { formatCount } from "./format.ts";
import { addLabelFileOption, type LabelFlags, withLabelFiles } from "./label-files.ts";
import { type Baseline, runBaselines } from "./scores.ts";
import type { Terminal } from "./terminal.ts";
import { noteEpoch, progressLine } from "./training-progress.ts";

const EXAMPLES = `
Examples:
  $ flowglyph train dataset -o run --labels 10% --unlabeled all --seed 1
  $ flowglyph train dataset -o run --labels 500 --split group    # whole capture files held out for the test
  $ flowglyph train dataset -o run --resume                      # after Ctrl-C, a kill or a power cut
  $ flowglyph train dataset -o run --label-file next.csv         # labels that \`suggest\` asked for and you filled in
  $ flowglyph train idx-folder -o run --model clgan --model-option bidirectional=true
`;

type TrainFlags = LabelFlags &
  Partial<Omit<TrainingConfig, "modelOptions">> & {
    output: string;
    modelOption?: Record<string, string | number | boolean>;
    resume?: boolean;
    overwrite?: boolean;
    baselines: boolean;
    json?: boolean;
  };

export const registerTrain: RegisterCommand = (program, context) => {
  const command = program
    .command("train")
    .description(
      "Train a model on a dataset, with few labels, and export it to ONNX. Networks need libtorch.",
    )
    .argument("<dataset>", "a folder that `encode` wrote, or one of IDX files")
    .requiredOption("-o, --output <run>", "folder for the model, its scores, and what resuming needs")
    .option("--resume", "go on from the run's checkpoint; its own options are used")
    .option("--overwrite", "start anew in a folder that holds a run");
  addLabelFileOption(command);
  for (const option of configOptions()) command.addOption(option);
  command
    .option(
      "--model-option <name=value>",
      "an option of the model (see `flowglyph models`); may be repeated",
      addModelOption,
    )
    .option("--no-baselines", "leave out the nearest neighbour and the tree ensemble at the end")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action((dataset: string, flags: TrainFlags, _command: Command) => runTrain(dataset, flags, context));
};

/** One flag for each flat key of the training config. */
function configOptions(): Option[] {
  return Object.keys(CONFIG_FIELDS)
    .filter((key) => key !== "modelOptions")
    .map((key) => configOption(key as keyof TrainingConfig, defaultText(key)));
}

/** The default, and those that models have of their own: `0.0002; bytewise: 0.003`. */
function defaultText(key: string): string {
  const own = MODELS.flatMap((row) => {
    const value =
      "create" in row ? Object.entries(row.defaults ?? {}).find(([name]) => name === key) : undefined;
    return value === undefined ? [] : [`${row.name}: ${String(value[1])}`];
  });
  return [String(CONFIG_FIELDS[key as keyof TrainingConfig].default), ...own].join("; ");
}

function addModelOption(text: string, previous: Record<string, string | number | boolean> = {}) {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("Expected NAME=VALUE.");
  const word = text.slice(at + 1);
  const value =
    word === "true" ? true : word === "false" ? false : Number.isFinite(Number(word)) ? Number(word) : word;
  return { ...previous, [text.slice(0, at)]: value };
}

async function runTrain(
  path: string,
  flags: TrainFlags,
  { terminal, signal }: CommandContext,
): Promise<void> {
  const { output, modelOption, resume, overwrite, baselines, json, labelFile, ...given } = flags;
  const config: Partial<TrainingConfig> = { ...given, ...(modelOption && { modelOptions: modelOption }) };
  if (existsSync(runPath(output, "checkpoint")) && !resume && !overwrite) {
    throw new FlowglyphError(
      "ERR_ARGUMENT",
      `${output} already holds a run: add --resume to go on with it, --overwrite to start anew, or name another folder`,
    );
  }
  const dataset = await withLabelFiles(await openDataset(path), { labelFile }, terminal);
  const { split, resolved } = await splitFor(dataset, config, output, resume === true);
  const undoFolder = await makeFolder(output);
  for (const warning of split.warnings ?? []) terminal.note(`warning: ${warning}`);
  terminal.note(describeStart(dataset, split, resolved));

  const result = await train(dataset, split, config, {
    run: output,
    ...(resume && { resume }),
    ...(overwrite && { overwrite }),
    signal,
    onProgress: (progress) => terminal.progress(progressLine(progress)),
    onEpoch: (record) => noteEpoch(terminal, record),
  }).catch(async (error: unknown) => {
    await undoFolder();
    if (signal.aborted && existsSync(runPath(output, "checkpoint"))) {
      terminal.note(
        `The run so far is in ${output}: go on with \`flowglyph train ${path} -o ${output} --resume\``,
      );
    }
    throw error;
  });
  terminal.progressDone();
  for (const warning of result.warnings) {
    if (!split.warnings?.includes(warning)) terminal.note(`warning: ${warning}`);
  }
  const { metrics } = result;
  let scores: readonly Baseline[] = [];
  if (baselines && metrics.evaluation !== null) {
    scores = await runBaselines({ dataset, split, run: output, terminal, signal });
  }
  await noteHeldOut(terminal, path, dataset, split, output);
  if (json) await terminal.out(`${JSON.stringify({ ...metrics, baselines: scores }, null, 2)}\n`);
  else if (metrics.evaluation === null)
    terminal.note("The dataset has no test part, so there are no scores.");
  else
    await terminal.out(
      evaluationReport(
        metrics.evaluation,
        { ...metrics, name: metrics.model },
        scores,
        metrics.calibration,
        metrics.unknown,
      ),
    );
  terminal.note(
    `model: ${result.model} (its own probabilities and ONNX Runtime's differ by at most ${metrics.onnxDifference.toExponential(1)})`,
  );
}

/** A resumed run keeps the split that it was started with, whatever the defaults are by now. */
async function splitFor(
  dataset: Dataset,
  config: Partial<TrainingConfig>,
  run: string,
  resume: boolean,
): Promise<{ split: Split; resolved: TrainingConfig }> {
  if (resume && existsSync(runPath(run, "split"))) {
    return { split: await readRunSplit(run, dataset), resolved: await readRunConfig(run) };
  }
  const resolved = resolveConfig({ ...config });
  resolveModelOptions(resolved.model, resolved.modelOptions); // a wrong name is told before anything else is
  return { split: makeSplit(dataset, splitOptions(resolved)), resolved };
}

/** Where the held-out captures are, for classifying them: files that the model has seen nothing of. */
async function noteHeldOut(
  terminal: Terminal,
  path: string,
  dataset: Dataset,
  split: Split,
  run: string,
): Promise<void> {
  const { captures, capturePaths } = dataset.manifest;
  if (split.testGroups.length === 0 || capturePaths === undefined) return;
  const held = new Set(split.testGroups);
  const paths = capturePaths
    .filter((file, i) => held.has(captures[i]!) && file !== "-")
    .map((file) => resolve(path, file));
  const list = join(run, "test-captures.txt");
  try {
    await writeFile(list, paths.map((file) => `${file}\n`).join(""));
  } catch (cause) {
    throw new FlowglyphError("ERR_IO", `Cannot write ${list}: ${systemReason(cause)}`, { cause });
  }
  terminal.note(
    `held out for the test: ${formatCount(paths.length)} captures, listed in ${list}; classify them with \`flowglyph classify --captures-from ${list} --model ${run}\``,
  );
}

function describeStart(dataset: Dataset, split: Split, config: TrainingConfig): string {
  const { view, mask } = dataset.manifest;
  const parts = (["labelled", "validation", "unlabelled", "test"] as const).map(
    (part) => `${formatCount(split[part].length)} ${part}`,
  );
  return `${config.model} on ${formatCount(dataset.count)} images of ${dataset.classes.length} classes (view ${view}, mask ${mask}): ${parts.join(", ")}; split ${split.kind}, seed ${split.seed}`;
}
