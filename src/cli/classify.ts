// flowglyph classify: captures and one model file in, one row a session out. Needs no libtorch.
import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import { type CaptureSummary, listCaptures } from "../capture/index.ts";
import { formatTable } from "../evaluation/table.ts";
import { classifySessions, openClassifier } from "../inference/index.ts";
import {
  CSV,
  checkVerdictPath,
  JSON_LINES,
  openVerdictWriter,
  type VerdictRow,
  type VerdictWriter,
  verdictRows,
} from "../results/index.ts";
import { systemReason } from "../system-error.ts";
import { ALL_FLAGS, addCaptureOptions, type CaptureFlags, captureOptions } from "./capture-options.ts";
import {
  type CommandContext,
  finishable,
  jsonOption,
  parsePositiveWhole,
  parseProbability,
  type RegisterCommand,
} from "./command.ts";
import { formatCount } from "./format.ts";
import { captureProgress, skippedLine } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

const EXAMPLES = `
Sessions end by capture time: on a live pipe an idle one is printed when the next packet arrives, or at the end of the input.
Ctrl-C ends a live input: the sessions still open are classified and written; a second one stops at once.
What makes sessions and images is the model's own; it is only to be given where the model does not know it (trained on IDX).

Examples:
  $ flowglyph classify new.pcap --model run
  $ flowglyph classify captures/ --model model.onnx -o verdicts.csv
  $ flowglyph classify 'day*.pcap.gz' --model model.onnx -o verdicts.parquet    # a quoted pattern; gzip, zstd, xz as they are
  $ flowglyph classify --captures-from run/test-captures.txt --model run    # what train --split group held out
  $ tcpdump -i eth0 -U -w - | flowglyph classify - --model model.onnx --json
  $ flowglyph classify growing.pcap --follow --model model.onnx --json
  $ flowglyph classify new.pcap --model model.onnx --sequence 32 -o verdicts.jsonl    # and lengths, directions, gaps
  $ flowglyph classify new.pcap --model model.onnx --json | jq -r 'select(.class == "ssh") | .responder_address'
`;

interface ClassifyFlags extends CaptureFlags {
  model: string;
  output?: string;
  json?: boolean;
  threshold?: number;
  capturesFrom?: string;
  workers?: number;
}

export const registerClassify: RegisterCommand = (program, context) => {
  const command = program
    .command("classify")
    .description("Classify the sessions of captures: a row a session, with class and probability.")
    .argument("[capture...]", "capture files, patterns, folders of them, or - for standard input")
    .option("--captures-from <file>", "a file that names captures, one a line (a run's test-captures.txt)")
    .requiredOption("--model <run|model.onnx>", "a run folder or the ONNX file alone")
    .option("-o, --output <file>", "write the rows to a file instead: .csv, .jsonl or .parquet")
    .addOption(jsonOption().conflicts("output"))
    .addOption(
      new Option("--threshold <p>", "leave out sessions whose verdict is less probable than this").argParser(
        parseProbability,
      ),
    )
    .addOption(new Option("--workers <n>", "worker threads that classify").argParser(parsePositiveWhole))
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
  const { model, output, json, threshold = 0, workers, capturesFrom, ...capture } = flags;
  const sequence = (capture.sequence ?? 0) > 0;
  if (output !== undefined) await checkVerdictPath(output, { sequence });
  else if (sequence && json !== true)
    throw invalidArgument(
      "--sequence",
      "with --json or --output, which can hold sequences",
      capture.sequence,
    );
  const list = await listCaptures([
    ...captures,
    ...(capturesFrom === undefined ? [] : await readCaptureList(capturesFrom)),
  ]);
  const classifier = await openClassifier(model, { workers });
  const counts = new Map<string, number>();
  const openWriter = async () =>
    output === undefined
      ? terminalWriter(terminal, json === true)
      : await openVerdictWriter(output, { sequence });
  let summary: CaptureSummary | undefined;
  let writer: VerdictWriter | undefined;
  try {
    const paths = list.captures.map(({ path }) => path);
    const verdicts = classifySessions(paths, classifier, {
      ...captureOptions(capture),
      ...finishable(context, paths, capture.follow ?? false),
      onProgress: captureProgress(terminal),
      onSummary: (read) => {
        summary = read;
      },
    });
    for await (const batch of verdicts) {
      // Opened late: a capture or a model that cannot be read leaves an older results file as it was.
      writer ??= await openWriter();
      const rows = [...verdictRows(batch)].filter((row) => row.probability >= threshold);
      await writer.write(rows);
      for (const row of rows) counts.set(row.class, (counts.get(row.class) ?? 0) + 1);
    }
    writer ??= await openWriter();
    await writer.write([]);
    await writer.close();
    terminal.progressDone();
    noteReading(terminal, list.warnings, summary);
    noteCounts(terminal, counts, output);
  } catch (error) {
    terminal.progressDone();
    // What was classified before it failed is kept; the first failure is the one to tell.
    const kept = await writer?.close().then(
      () => true,
      () => false,
    );
    if (kept && output !== undefined) noteCounts(terminal, counts, output, "before the end: ");
    throw error;
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

/** To a person a table a batch, to a program CSV or, with --json, JSON Lines. */
function terminalWriter(terminal: Terminal, json: boolean): VerdictWriter {
  const format = json ? JSON_LINES : CSV;
  const forPerson = terminal.columns !== undefined && !json;
  let first = true;
  return {
    write: async (rows) => {
      terminal.progressDone();
      const header = first && !forPerson ? format.header : "";
      first = false;
      const text = forPerson ? personTable(rows) : format.rows(rows);
      if (header !== "" || text !== "") await terminal.out(header + text);
    },
    close: async () => {},
  };
}

function personTable(rows: readonly VerdictRow[]): string {
  if (rows.length === 0) return "";
  const endpoint = (address: string, port: number) =>
    `${address.includes(":") ? `[${address}]` : address}:${port}`;
  const header = ["start", "", "initiator", "responder", "packets", "bytes", "class", "p"];
  const cells = rows.map((row) => [
    `${row.start_time.slice(0, 23).replace("T", " ")}`,
    row.protocol,
    endpoint(row.initiator_address, row.initiator_port),
    endpoint(row.responder_address, row.responder_port),
    `${row.initiator_packets}>${row.responder_packets}`,
    `${row.initiator_bytes}>${row.responder_bytes}`,
    row.class,
    row.probability.toFixed(3),
  ]);
  return formatTable([header, ...cells], [4, 5, 7]);
}

/** What of the captures is in no row, and what was wrong with them. */
function noteReading(
  terminal: Terminal,
  leftOut: readonly string[],
  summary: CaptureSummary | undefined,
): void {
  const skipped = summary && skippedLine(summary.packets, summary.skipped);
  if (skipped !== undefined) terminal.note(skipped);
  for (const warning of [...leftOut, ...(summary?.warnings ?? [])]) terminal.note(`warning: ${warning}`);
  if (summary?.evictedSessions) {
    terminal.note(
      `warning: ${formatCount(summary.evictedSessions)} sessions were ended early to keep memory within bounds`,
    );
  }
}

function noteCounts(
  terminal: Terminal,
  counts: ReadonlyMap<string, number>,
  output: string | undefined,
  prefix = "",
): void {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const classes = [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name || "nothing to classify (no payload)"} ${formatCount(count)}`);
  const where = output === undefined ? "" : `; written to ${output}`;
  terminal.note(
    `${prefix}${formatCount(total)} sessions${classes.length > 0 ? `: ${classes.join(", ")}` : ""}${where}`,
  );
}
