// flowglyph encode: captures become a dataset of byte images, with labels where they are known.
import { type Command, Option } from "commander";
import { FlowglyphError } from "../../bindings/errors.ts";
import { buildDataset } from "../dataset/build.ts";
import { convertDataset } from "../dataset/convert.ts";
import { isDatasetFolder } from "../dataset/open.ts";
import type { DatasetManifest } from "../dataset/types.ts";
import { DATASET_FORMATS, type DatasetFormat } from "../dataset/write-dataset.ts";
import { formatTable } from "../evaluation/table.ts";
import { ALL_FLAGS, addCaptureOptions, type CaptureFlags, captureOptions } from "./capture-options.ts";
import { type CommandContext, finishable, jsonOption, type RegisterCommand } from "./command.ts";
import { formatCount } from "./format.ts";
import { captureProgress, skippedLine } from "./progress.ts";

const EXAMPLES = `
Without --labels the folder of a capture is its class: captures/<class>/*.pcap. A label file is a CSV with the column class and
any of capture, protocol, initiator_address, initiator_port, responder_address, responder_port; empty cells match anything,
the first line that fits wins, and capture is a path or its last parts (a.pcap, day1/a.pcap).
A capture file that is named itself has no class without --labels.

Examples:
  $ flowglyph encode captures/ -o dataset
  $ flowglyph encode day1.pcap day2.pcap -o dataset --labels labels.csv
  $ flowglyph encode idx-folder -o dataset --view pcap --mask none    # says what the images are; dataset -o x --format npz too
  $ flowglyph encode captures/ -o idx --format idx --view pcap --mask none --idle-timeout 0 --active-timeout 0
  $ flowglyph encode 'day*.pcap.gz' -o dataset --sequence 32    # a quoted pattern; gzip, zstd and xz as they are
  $ flowglyph encode captures/ -o dataset --protocols all --decap none
  $ python -c 'import pandas as pd; print(pd.read_feather("dataset/sessions.arrow").head())'
`;

interface EncodeFlags extends CaptureFlags {
  output: string;
  labels?: string;
  format: DatasetFormat;
  json?: boolean;
}

export const registerEncode: RegisterCommand = (program, context) => {
  const command = program
    .command("encode")
    .description("Turn captures into a dataset: one 28 x 28 byte image a session, columns, labels, manifest.")
    .argument(
      "<capture...>",
      "capture files, patterns, or folders whose sub-folders are the classes, or - for standard input; or one dataset, to convert it",
    )
    .requiredOption("-o, --output <dataset>", "folder to write")
    .option("--labels <file.csv>", "labels by capture or 5-tuple, instead of folder names")
    .addOption(
      new Option("--format <format>", "arrow: all columns; idx: MNIST's format; npz: numpy")
        .choices(DATASET_FORMATS)
        .default("arrow"),
    )
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(async (captures: string[], flags: EncodeFlags, command: Command) => {
      const [first] = captures;
      if (first !== undefined && captures.length === 1 && (await isDatasetFolder(first))) {
        await runConvert(first, flags, command, context);
      } else {
        await runEncode(captures, flags, context);
      }
    });
  addCaptureOptions(command, ALL_FLAGS);
};

async function runEncode(
  captures: readonly string[],
  { output, json, labels, format, ...flags }: EncodeFlags,
  context: CommandContext,
): Promise<void> {
  const { terminal } = context;
  const { manifest, warnings } = await buildDataset(captures, {
    ...captureOptions(flags),
    ...finishable(context, captures, flags.follow ?? false),
    labels,
    format,
    out: output,
    onProgress: captureProgress(terminal),
  });
  terminal.progressDone();
  const skipped = skippedLine(manifest.packets ?? 0, manifest.skipped ?? {});
  if (skipped !== undefined) terminal.note(skipped);
  for (const warning of warnings) terminal.note(`warning: ${warning}`);
  await terminal.out(json ? `${JSON.stringify(manifest, null, 2)}\n` : describe(manifest, output));
}

/** Nothing is encoded anew: `--view`, `--mask` and `--order` only say what the images are, where the dataset does not. */
async function runConvert(
  dataset: string,
  { output, json, format, view, mask, order }: EncodeFlags,
  command: Command,
  { terminal }: CommandContext,
): Promise<void> {
  const given = (option: string) => command.getOptionValueSource(option) === "cli";
  const told = ["view", "mask", "order"];
  const wrong = ["labels", ...ALL_FLAGS.filter((name) => !told.includes(name))].find(given);
  if (wrong !== undefined) {
    throw new FlowglyphError(
      "ERR_ARGUMENT",
      `Expected captures for ${wrong} but received a dataset, ${dataset}`,
    );
  }
  const manifest = await convertDataset(dataset, {
    out: output,
    format,
    ...(given("view") && { view }),
    ...(given("mask") && { mask }),
    ...(given("order") && { order }),
  });
  await terminal.out(json ? `${JSON.stringify(manifest, null, 2)}\n` : describe(manifest, output));
}

function describe(manifest: DatasetManifest, output: string): string {
  const rows = [
    ["images", formatCount(manifest.images)],
    ...Object.entries(manifest.counts).map(([name, count]) => [`  ${name}`, formatCount(count)]),
    ...(manifest.unlabelled > 0 ? [["  without a label", formatCount(manifest.unlabelled)]] : []),
    ["duplicates removed", formatCount(manifest.duplicatesRemoved)],
    ...(manifest.conflictingDuplicates > 0
      ? [["duplicates whose labels disagreed", formatCount(manifest.conflictingDuplicates)]]
      : []),
    ...(manifest.emptySessions
      ? [["sessions without a byte in this view", formatCount(manifest.emptySessions)]]
      : []),
    ["capture files", formatCount(manifest.captures.length)],
  ];
  const { view, mask, order } = manifest;
  const what = `view ${view}${view === "l7" ? ` in ${order} order` : ""}, mask ${mask}`;
  return `${formatTable(rows, [1])}${what}; written to ${output}\n`;
}
