// flowglyph encode: captures become a dataset of byte images, with labels where they are known.
import { type Command, Option } from "commander";
import { FlowglyphError } from "../../bindings/errors.ts";
import type { Mask, View } from "../capture/names.ts";
import { buildDataset } from "../dataset/build.ts";
import { convertDataset } from "../dataset/convert.ts";
import { isDatasetFolder } from "../dataset/open.ts";
import type { DatasetManifest } from "../dataset/types.ts";
import { DATASET_FORMATS, type DatasetFormat } from "../dataset/write-dataset.ts";
import { formatTable } from "../evaluation/table.ts";
import {
  activeTimeoutOption,
  type CommandContext,
  idleTimeoutOption,
  jsonOption,
  maskOption,
  type RegisterCommand,
  viewOption,
} from "./command.ts";
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
  $ python -c 'import pandas as pd; print(pd.read_feather("dataset/sessions.arrow").head())'
`;

interface EncodeFlags {
  output: string;
  view: View;
  mask: Mask;
  labels?: string;
  format: DatasetFormat;
  idleTimeout: number;
  activeTimeout: number;
  json?: boolean;
}

export const registerEncode: RegisterCommand = (program, context) => {
  program
    .command("encode")
    .description("Turn captures into a dataset: one 28 x 28 byte image a session, columns, labels, manifest.")
    .argument(
      "<capture...>",
      "capture files, or folders whose sub-folders are the classes, or - for standard input; or one dataset, to convert it",
    )
    .requiredOption("-o, --output <dataset>", "folder to write")
    .addOption(viewOption())
    .addOption(maskOption())
    .option("--labels <file.csv>", "labels by capture or 5-tuple, instead of folder names")
    .addOption(
      new Option("--format <format>", "arrow: all columns; idx: MNIST's format; npz: numpy")
        .choices(DATASET_FORMATS)
        .default("arrow"),
    )
    .addOption(idleTimeoutOption())
    .addOption(activeTimeoutOption())
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
};

async function runEncode(
  captures: readonly string[],
  { output, json, ...options }: EncodeFlags,
  { terminal, signal }: CommandContext,
): Promise<void> {
  const { manifest, warnings } = await buildDataset(captures, {
    ...options,
    out: output,
    signal,
    onProgress: captureProgress(terminal),
  });
  terminal.progressDone();
  const skipped = skippedLine(manifest.packets ?? 0, manifest.skipped ?? {});
  if (skipped !== undefined) terminal.note(skipped);
  for (const warning of warnings) terminal.note(`warning: ${warning}`);
  await terminal.out(json ? `${JSON.stringify(manifest, null, 2)}\n` : describe(manifest, output));
}

/** Nothing is encoded anew: `--view` and `--mask` only say what the images are, where the dataset does not. */
async function runConvert(
  dataset: string,
  { output, json, format, view, mask }: EncodeFlags,
  command: Command,
  { terminal }: CommandContext,
): Promise<void> {
  const given = (option: string) => command.getOptionValueSource(option) === "cli";
  const wrong = ["labels", "idleTimeout", "activeTimeout"].find(given);
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
  return `${formatTable(rows, [1])}view ${manifest.view}, mask ${manifest.mask}; written to ${output}\n`;
}
