// flowglyph classify: captures and one model file in, one row a session out. Needs no libtorch.
import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import type { BatchReport } from "../batch/index.ts";
import { isLive, listCaptures } from "../capture/index.ts";
import { Classifier } from "../inference/index.ts";
import { checkVerdictPath, openVerdictWriter, tallyVerdicts, verdictRows } from "../results/index.ts";
import { systemReason } from "../system-error.ts";
import { ALL_FLAGS, addCaptureOptions, type CaptureFlags } from "./capture-options.ts";
import { addClassifierOptions, type ClassifierFlags, unknownBelowOf } from "./classifier-options.ts";
import { type ClassifyWork, classifyJob, classifyStream } from "./classify-work.ts";
import {
  type CommandContext,
  parsePositiveWhole,
  parseProbability,
  type RegisterCommand,
} from "./command.ts";
import {
  classTable,
  type JobSummary,
  jobJson,
  noteCounts,
  noteJob,
  noteReading,
  terminalWriter,
} from "./verdict-output.ts";

const EXAMPLES = `
Sessions end by capture time: on a live pipe an idle one is printed when the next packet arrives, or at the end of the input.
Ctrl-C ends a live input: the sessions still open are classified and written; a second one stops at once.
A capture that cannot be read is named at the end, the others are classified: exit status 3. With -o the rows appear under their
name when all are there (NAME.partial until then); NAME.journal remembers the finished captures, by path, size, time, model and
options, until the job is done, and with --resume after it, for captures that come later. --memory is for all that are read at once.
What makes sessions and images is the model's own; it is only to be given where the model does not know it (trained on IDX).

Examples:
  $ flowglyph classify new.pcap --model run
  $ flowglyph classify captures/ --model model.onnx -o verdicts.csv
  $ flowglyph classify captures/ --model model.onnx -o verdicts.csv --resume    # after a kill; or again tomorrow, with new captures
  $ flowglyph classify new.pcap --model run --unknown-error 5%    # of the verdicts given at most 5 % wrong, the rest is "unknown"
  $ flowglyph classify 'day*.pcap.gz' --model model.onnx -o verdicts.parquet    # a quoted pattern; gzip, zstd, xz as they are
  $ flowglyph classify --captures-from run/test-captures.txt --model run    # what train --split group held out
  $ tcpdump -i eth0 -U -w - | flowglyph classify - --model model.onnx --json
  $ flowglyph classify growing.pcap --follow --model model.onnx --json
  $ flowglyph classify new.pcap --model model.onnx --sequence 32 -o verdicts.jsonl    # and lengths, directions, gaps
  $ flowglyph classify new.pcap --model model.onnx --json | jq -r 'select(.class == "ssh") | .responder_address'
`;

interface ClassifyFlags extends CaptureFlags, ClassifierFlags {
  model: string;
  output?: string;
  json?: boolean;
  threshold?: number;
  capturesFrom?: string;
  jobs?: number;
  resume?: boolean;
}

export const registerClassify: RegisterCommand = (program, context) => {
  const command = program
    .command("classify")
    .description("Classify the sessions of captures: a row a session, with class and probability.")
    .argument("[capture...]", "capture files, patterns, folders of them, or - for standard input")
    .option("--captures-from <file>", "a file that names captures, one a line (a run's test-captures.txt)")
    .requiredOption("--model <run|model.onnx>", "a run folder or the ONNX file alone")
    .option("-o, --output <file>", "write the rows to a file instead: .csv, .jsonl, .parquet or .arrow")
    .option("--json", "rows as JSON Lines; with --output, the summary as JSON")
    .option(
      "--resume",
      "with --output: go on where a former run was ended; captures that it finished are not read again",
    )
    .addOption(
      new Option("--jobs <n>", "captures read at a time (default: one a processor, at most 4)").argParser(
        parsePositiveWhole,
      ),
    )
    .addOption(
      new Option("--threshold <p>", "leave out sessions whose verdict is less probable than this").argParser(
        parseProbability,
      ),
    );
  addClassifierOptions(command)
    .addHelpText("after", EXAMPLES)
    .action((captures: string[], flags: ClassifyFlags, _command: Command) =>
      runClassify(captures, flags, context),
    );
  addCaptureOptions(command, ALL_FLAGS, { fromModel: true });
};

async function runClassify(
  captures: readonly string[],
  flags: ClassifyFlags,
  context: CommandContext,
): Promise<void> {
  const { terminal } = context;
  const {
    model,
    output,
    json,
    workers,
    isolation,
    capturesFrom,
    threshold = 0,
    resume = false,
    jobs,
    ...rest
  } = flags;
  const { unknownError, unknownBelow, ...capture } = rest;
  const shape = {
    sequence: (capture.sequence ?? 0) > 0,
    unknown: unknownError !== undefined || unknownBelow !== undefined,
  };
  if (output !== undefined) await checkVerdictPath(output, shape);
  else if (shape.sequence && json !== true)
    throw invalidArgument(
      "--sequence",
      "with --json or --output, which can hold sequences",
      capture.sequence,
    );
  const given = [...captures, ...(capturesFrom === undefined ? [] : await readCaptureList(capturesFrom))];
  const single = capture.merge === true || given.includes("-") || isLive(given, capture.follow ?? false);
  if (resume && (output === undefined || single))
    throw invalidArgument("--resume", "with --output and captures that are files, not merged", resume);
  const list = await listCaptures(given, { tolerant: !single });
  const classifier = await Classifier.load(model, { workers, isolation });
  const started = performance.now();
  try {
    const below = unknownBelowOf(classifier, flags, terminal);
    const tally = tallyVerdicts();
    const work: ClassifyWork = {
      paths: list.captures.map(({ path }) => path),
      tally,
      openWriter: async () =>
        output === undefined
          ? terminalWriter(terminal, json === true, shape)
          : await openVerdictWriter(output, shape),
      rowsOf(batch) {
        const rows = [...verdictRows(batch, { unknownBelow: below })].filter(
          (row) => row.probability >= threshold,
        );
        tally.add(rows);
        return rows;
      },
    };
    let report: BatchReport;
    if (single) report = await classifyStream(work, classifier, capture, output, context);
    else report = await classifyJob(work, classifier, capture, { model, jobs, resume, output }, context);
    const failures = [
      ...list.failures.map(({ path, error }) => ({ capture: path, error, sessions: 0 })),
      ...report.failures,
    ];
    const classes = tally.totals();
    const seconds = (performance.now() - started) / 1000;
    const summary: JobSummary = { output, seconds, report: { ...report, failures }, classes };
    terminal.progressDone();
    noteReading(terminal, list.warnings, report.summary);
    noteJob(terminal, summary);
    if (output === undefined) noteCounts(terminal, classes, output);
    else if (json === true) await terminal.out(jobJson(summary));
    else {
      noteCounts(terminal, classes, output);
      if (classes.length > 0) await terminal.out(classTable(classes));
    }
    if (failures.length > 0) context.partlyFailed();
  } finally {
    await classifier.close();
  }
}

async function readCaptureList(path: string): Promise<string[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new FlowglyphError("ERR_IO", `Cannot read the list of captures ${path}: ${systemReason(cause)}`, {
      cause,
    });
  }
  const paths = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (paths.length === 0)
    throw invalidArgument("--captures-from", "a file that names captures, one a line", path);
  return paths;
}
