// flowglyph encode: captures become a dataset of byte images, with labels where they are known.
import { type Command, Option } from "commander";
import { FlowglyphError } from "../../bindings/errors.ts";
import { buildDataset } from "../dataset/build.ts";
import { convertDataset } from "../dataset/convert.ts";
import { maskingNotes } from "../dataset/mask-dataset.ts";
import { isDatasetFolder } from "../dataset/open.ts";
import type { DatasetManifest } from "../dataset/types.ts";
import { DATASET_FORMATS, type DatasetFormat } from "../dataset/write-dataset.ts";
import { formatTable } from "../evaluation/table.ts";
import { addCaptureOptions, type CaptureFlags, captureOptions, DATASET_FLAGS } from "./capture-options.ts";
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
  $ flowglyph encode idx-folder -o masked --mask identity    # masks images of view pcap or l3 that have no mask; no captures needed
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
  addCaptureOptions(command, DATASET_FLAGS);
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

/** What a dataset may be told that captures are not needed for. `--mask` is what its images are to be. */
const OF_DATASETS = ["view", "mask", "order", "decap", "protocols", "threads"] as const;

async function runConvert(
  dataset: string,
  { output, json, format, ...flags }: EncodeFlags,
  command: Command,
  { terminal, signal }: CommandContext,
): Promise<void> {
  const given = (option: string) => command.getOptionValueSource(option) === "cli";
  const wrong = ["labels", ...DATASET_FLAGS.filter((name) => !OF_DATASETS.includes(name as never))].find(
    given,
  );
  if (wrong !== undefined) {
    throw new FlowglyphError(
      "ERR_ARGUMENT",
      `Expected captures for ${wrong} but received a dataset, ${dataset}`,
    );
  }
  const told = Object.fromEntries(OF_DATASETS.filter(given).map((name) => [name, flags[name]]));
  const manifest = await convertDataset(dataset, {
    out: output,
    format,
    ...told,
    signal,
  });
  const { mask, view, masking } = manifest;
  if (given("mask") && mask !== "none" && view === "l7")
    terminal.note(`view l7 holds no headers: mask ${mask} leaves its images as they are`);
  if (given("mask") && masking !== undefined)
    for (const note of maskingNotes(masking)) terminal.note(`warning: ${note}`);
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
    ...(manifest.captures.length > 0 ? [["capture files", formatCount(manifest.captures.length)]] : []),
    ...(manifest.masking
      ? [
          ["packets masked in the images", formatCount(manifest.masking.packets)],
          ["  cut off by an image's end", formatCount(manifest.masking.cutPackets)],
        ]
      : []),
  ];
  const { view, mask, order } = manifest;
  const what = `view ${view}${view === "l7" ? ` in ${order} order` : ""}, mask ${mask}`;
  return `${formatTable(rows, [1])}${what}; written to ${output}\n`;
}
