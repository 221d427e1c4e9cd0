// flowglyph evaluate: the scores of an exported model on a dataset, beside the baselines. Needs no libtorch.
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { FlowglyphError } from "../../bindings/errors.ts";
import { openDataset } from "../dataset/open.ts";
import type { Dataset, Split } from "../dataset/types.ts";
import { calibrationOutcome } from "../evaluation/calibration.ts";
import { classCurves } from "../evaluation/evaluate.ts";
import { evaluateModel, type ModelEvaluation } from "../evaluation/evaluate-model.ts";
import { evaluationReport } from "../evaluation/report.ts";
import { measureLevels } from "../evaluation/risk-coverage.ts";
import { Classifier, modelFile } from "../inference/index.ts";
import { checkOutputFile } from "../output-path.ts";
import { systemReason } from "../system-error.ts";
import { readRunSplit, runPath } from "../training/run-folder.ts";
import { type CommandContext, jsonOption, type RegisterCommand } from "./command.ts";
import { formatCount } from "./format.ts";
import { addLabelFileOption, type LabelFlags, withLabelFiles } from "./label-files.ts";
import { type Baseline, runBaselines } from "./scores.ts";

const EXAMPLES = `
The test part is the run's own (its split.json), or, for a model file alone, the t10k part of a folder of IDX files.

Examples:
  $ flowglyph evaluate run dataset
  $ flowglyph evaluate run/model.onnx other-dataset --split all
  $ flowglyph evaluate run dataset --json | jq '.perClass[] | {class, recall}'
`;

interface EvaluateFlags extends LabelFlags {
  split: "test" | "all";
  baselines: boolean;
  curves?: string;
  json?: boolean;
}

export const registerEvaluate: RegisterCommand = (program, context) => {
  const command = program
    .command("evaluate")
    .description("Score a trained model on a dataset: accuracy, per class, confusion, beside the baselines.")
    .argument("<model>", "a run folder or a model.onnx")
    .argument("<dataset>", "a folder that `encode` wrote, or one of IDX files")
    .addOption(new Option("--split <part>", "which rows").choices(["test", "all"]).default("test"))
    .option("--curves <file.json>", "write the points of the ROC and precision-recall curves, class by class")
    .option("--no-baselines", "leave out the nearest neighbour and the tree ensemble")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action((model: string, dataset: string, flags: EvaluateFlags, _command: Command) =>
      runEvaluate(model, dataset, flags, context),
    );
  addLabelFileOption(command);
};

async function runEvaluate(
  model: string,
  path: string,
  flags: EvaluateFlags,
  { terminal, signal }: CommandContext,
): Promise<void> {
  await modelFile(model);
  if (flags.curves !== undefined) await checkOutputFile(flags.curves);
  const dataset = await withLabelFiles(await openDataset(path), flags, terminal);
  const run = existsSync(runPath(model, "split")) ? model : undefined;
  // With --split all a run's model may meet any dataset; only its own one has the rows that its split names.
  const split = run === undefined ? undefined : await splitOf(run, dataset, flags.split);
  const rows = rowsToScore(dataset, split, flags.split, model);
  const classifier = await Classifier.load(model);
  try {
    const scored = await evaluateModel(classifier, dataset, rows, {
      signal,
      onProgress: (done, all) =>
        terminal.progress({
          fraction: done / all,
          text: `${formatCount(done)} of ${formatCount(all)} images`,
        }),
    });
    terminal.progressDone();
    if (flags.curves !== undefined) await writeCurves(flags.curves, scored);
    let baselines: readonly Baseline[] = [];
    if (flags.baselines && flags.split === "test" && run !== undefined && split !== undefined) {
      baselines = await runBaselines({ dataset, split, run, terminal, signal });
    } else if (flags.baselines) {
      terminal.note("No baselines: they need a run folder, its dataset and --split test.");
    }
    const { metadata } = classifier;
    const { labels, labelled, unlabelled, seed, split: trainedSplit } = metadata.training;
    const context = {
      name: metadata.model,
      view: metadata.view,
      mask: metadata.mask,
      order: metadata.order,
      split: flags.split === "all" ? "all" : (split?.kind ?? trainedSplit),
      labels,
      labelled,
      unlabelled,
      seed,
    };
    const { evaluation } = scored;
    const calibrated =
      metadata.calibration &&
      calibrationOutcome(scored.probabilities, scored.labels, metadata.classes.length, metadata.calibration);
    const unknown =
      metadata.unknown &&
      measureLevels(metadata.unknown.levels, scored.probabilities, scored.labels, metadata.classes.length);
    await terminal.out(
      flags.json
        ? `${JSON.stringify({ ...context, ...evaluation, calibrated, unknown, baselines }, null, 2)}\n`
        : evaluationReport(evaluation, context, baselines, calibrated, unknown),
    );
  } finally {
    terminal.progressDone();
    await classifier.close();
  }
}

async function splitOf(run: string, dataset: Dataset, part: "test" | "all"): Promise<Split | undefined> {
  try {
    return await readRunSplit(run, dataset);
  } catch (error) {
    const otherDataset = error instanceof FlowglyphError && error.code === "ERR_SPLIT";
    if (otherDataset && (part === "all" || dataset.testRows !== undefined)) return undefined;
    throw error;
  }
}

function rowsToScore(
  dataset: Dataset,
  split: Split | undefined,
  part: "test" | "all",
  model: string,
): Uint32Array {
  const labelled = (rows: Uint32Array) => rows.filter((row) => dataset.labels[row]! >= 0);
  const rows =
    part === "all"
      ? labelled(Uint32Array.from({ length: dataset.count }, (_, row) => row))
      : (split?.test ?? (dataset.testRows && labelled(dataset.testRows)));
  if (rows === undefined) {
    throw new FlowglyphError(
      "ERR_SPLIT",
      `Expected a run folder or a dataset with a test part (IDX t10k), because ${model} does not say which rows it was not trained on; --split all scores every labelled row`,
    );
  }
  if (rows.length === 0) {
    throw new FlowglyphError(
      "ERR_SPLIT",
      "Expected labelled images to score but the dataset's part has none",
    );
  }
  return rows;
}

async function writeCurves(
  path: string,
  { evaluation, labels, probabilities }: ModelEvaluation,
): Promise<void> {
  const { classes } = evaluation;
  const curves = classes.map((name, index) => ({
    class: name,
    ...classCurves(labels, probabilities, classes.length, index),
  }));
  const plain = (_key: string, value: unknown) =>
    ArrayBuffer.isView(value) ? [...(value as Float64Array)] : value;
  try {
    await writeFile(path, `${JSON.stringify(curves, plain)}\n`);
  } catch (cause) {
    throw new FlowglyphError("ERR_IO", `Cannot write ${path}: ${systemReason(cause)}`, { cause });
  }
}
