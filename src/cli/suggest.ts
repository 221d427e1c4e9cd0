// flowglyph suggest: which sessions to label next, as a CSV that serves as a label file once its classes are filled in.
import { existsSync } from "node:fs";
import { stat, writeFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { stringify } from "csv-stringify/sync";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import { openDataset } from "../dataset/open.ts";
import { formatTable } from "../evaluation/table.ts";
import { Classifier, modelFile } from "../inference/index.ts";
import { checkOutputFile } from "../output-path.ts";
import {
  DEFAULT_STRATEGY,
  FIRST_STRATEGY,
  STRATEGIES,
  type SuggestionRow,
  suggest,
  suggestionRows,
} from "../suggest/index.ts";
import { systemReason } from "../system-error.ts";
import { readRunRows, runPath } from "../training/run-folder.ts";
import { type CommandContext, jsonOption, parsePositiveWhole, type RegisterCommand } from "./command.ts";
import { formatCount } from "./format.ts";
import type { Terminal } from "./terminal.ts";

const EXAMPLES = `
Fill in the column class of the file, where you know it; lines without a class are left out. Sessions that the run has learned
from, that test it, or whose image it has, are never suggested. They are the hard ones: a test part made of them scores lower
than sessions as they come. Without a run, for the first labels, the dataset alone is named.

Strategies:
${STRATEGIES.map(({ name, about }) => `  ${name.padEnd(16)}${about}`).join("\n")}

Examples:
  $ flowglyph suggest dataset -n 20 -o next.csv                       # nothing is labelled yet
  $ flowglyph train dataset -o run1 --label-file next.csv
  $ flowglyph suggest run1 dataset -n 50 -o more.csv
  $ flowglyph train dataset -o run2 --label-file next.csv --label-file more.csv
`;

interface SuggestFlags {
  count: number;
  output?: string;
  strategy?: string;
  seed?: number;
  json?: boolean;
}

export const registerSuggest: RegisterCommand = (program, context) => {
  program
    .command("suggest")
    .description("Say which sessions to label next: a CSV to fill in, which `train --label-file` takes back.")
    .argument("<run>", "a run folder or a model.onnx; left out where there is none yet")
    .argument("[dataset]", "a folder that `encode` wrote, or one of IDX files")
    .addOption(new Option("-n, --count <n>", "how many").argParser(parsePositiveWhole).default(50))
    .option("-o, --output <file.csv>", "write the rows to a file instead")
    .addOption(
      new Option(
        "--strategy <name>",
        `how they are chosen (default: ${DEFAULT_STRATEGY}, without a run ${FIRST_STRATEGY})`,
      ).choices(STRATEGIES.map(({ name }) => name)),
    )
    .addOption(
      new Option("--seed <n>", "for what is drawn at random and for ties (default: 1)").argParser(
        parsePositiveWhole,
      ),
    )
    .addOption(jsonOption().conflicts("output"))
    .addHelpText("after", EXAMPLES)
    .action((run: string, dataset: string | undefined, flags: SuggestFlags, _command: Command) =>
      runSuggest(run, dataset, flags, context),
    );
};

async function runSuggest(
  first: string,
  second: string | undefined,
  flags: SuggestFlags,
  { terminal, signal }: CommandContext,
): Promise<void> {
  const { count, output, strategy, seed, json } = flags;
  if (output !== undefined) await checkCsv(output);
  const [model, path] = second === undefined ? [undefined, first] : [first, second];
  if (model !== undefined) await modelFile(model);
  else if (existsSync(runPath(path, "split")) || (await isFile(path))) {
    throw new FlowglyphError("ERR_ARGUMENT", `Expected a dataset to choose from, behind the run ${path}`);
  }
  const dataset = await openDataset(path);
  const split =
    model !== undefined && existsSync(runPath(model, "split"))
      ? await readRunRows(model, dataset)
      : undefined;
  const classifier = model === undefined ? undefined : await Classifier.load(model);
  try {
    const found = await suggest(dataset, classifier, split, {
      count,
      strategy,
      seed,
      signal,
      onProgress: (done, all) =>
        terminal.progress({
          fraction: done / all,
          text: `${formatCount(done)} of ${formatCount(all)} images`,
        }),
    });
    terminal.progressDone();
    const rows = suggestionRows(dataset, found.suggestions);
    await write(rows, output, json === true, terminal);
    terminal.note(
      `${formatCount(rows.length)} of ${formatCount(found.candidates)} sessions without a label, by ${found.strategy}${output === undefined ? "" : `; written to ${output}: fill in the column class, then \`flowglyph train ${path} -o RUN --label-file ${output}\``}`,
    );
  } finally {
    terminal.progressDone();
    await classifier?.close();
  }
}

async function checkCsv(output: string): Promise<void> {
  if (!output.toLowerCase().endsWith(".csv"))
    throw invalidArgument("--output", "a file that ends with .csv", output);
  await checkOutputFile(output);
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

async function write(
  rows: readonly SuggestionRow[],
  output: string | undefined,
  json: boolean,
  terminal: Terminal,
): Promise<void> {
  const csv = () => stringify(rows as SuggestionRow[], { header: true });
  if (output !== undefined) {
    try {
      await writeFile(output, csv());
    } catch (cause) {
      throw new FlowglyphError("ERR_IO", `Cannot write ${output}: ${systemReason(cause)}`, { cause });
    }
  } else if (json) await terminal.out(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  else if (terminal.columns === undefined) await terminal.out(csv());
  else await terminal.out(personTable(rows));
}

function personTable(rows: readonly SuggestionRow[]): string {
  const header = ["row", "session", "taken for", "p"];
  const cells = rows.map((row) => [
    String(row.row),
    row.capture === undefined
      ? ""
      : `${row.capture} ${row.protocol} ${row.initiator_address}:${row.initiator_port} > ${row.responder_address}:${row.responder_port}`,
    row.best_class,
    row.probability === "" ? "" : row.probability.toFixed(3),
  ]);
  return formatTable([header, ...cells], [0, 3]);
}
