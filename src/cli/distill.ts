// flowglyph distill: a trained run becomes a small model that answers like it, many times as fast.
import { existsSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { FlowglyphError } from "../../bindings/errors.ts";
import { openDataset } from "../dataset/open.ts";
import type { Split } from "../dataset/types.ts";
import { formatTable } from "../evaluation/table.ts";
import {
  CONFIG_FIELDS,
  DISTILL_DEFAULTS,
  DISTILL_KEYS,
  type DistillConfig,
  type DistilledOutcome,
  distill,
  INT8,
  type Int8,
  runPath,
  STUDENT_SHAPES,
  type StudentSize,
} from "../training/index.ts";
import { type CommandContext, jsonOption, parsePositiveWhole, type RegisterCommand } from "./command.ts";
import { configOption } from "./config-option.ts";
import { formatBytes, formatCount } from "./format.ts";
import { addLabelFileOption, type LabelFlags, withLabelFiles } from "./label-files.ts";
import type { Terminal } from "./terminal.ts";
import { noteEpoch, progressLine } from "./training-progress.ts";

const EXAMPLES = `
The student learns the run's answers on every session of the dataset but those of its test part, labelled or not.
It is a run folder as any other: evaluate, classify and serve take it.

Examples:
  $ flowglyph distill run dataset -o small
  $ flowglyph distill run dataset -o small --speedup 50
  $ flowglyph distill run dataset -o small --resume            # after Ctrl-C, a kill or a power cut
  $ flowglyph classify capture.pcap --model small
`;

/** Where it is not what `train` says. */
const ABOUT: Partial<Record<(typeof DISTILL_KEYS)[number], string>> = {
  seed: "initial weights, data order, hidden bytes",
  batchSize: "sessions of one step",
  learningRate: "Adam's step at its largest: it rises, and falls along a cosine",
  epochs: "passes over the sessions; of few sessions several passes count as one",
};

interface DistillFlags extends DistillConfig, LabelFlags {
  output: string;
  speedup?: number;
  int8?: Int8;
  width?: number;
  bytes?: number;
  resume?: boolean;
  overwrite?: boolean;
  json?: boolean;
}

export const registerDistill: RegisterCommand = (program, context) => {
  const command = program
    .command("distill")
    .description(
      "Make a small, fast model that answers like a trained one, from sessions without labels. Needs libtorch.",
    )
    .argument("<run>", "the folder of a trained run: the teacher")
    .argument(
      "<dataset>",
      "the dataset that it was trained on, or another of the same view, mask and classes",
    )
    .requiredOption("-o, --output <small>", "folder for the small model, its scores, and what resuming needs")
    .addOption(
      new Option(
        "--speedup <times>",
        "sessions a second asked for, as a multiple of the teacher's on this machine: the best student that gives them is taken (default: 20)",
      )
        .argParser(parseTimes)
        .conflicts(["width", "bytes"]),
    )
    .addOption(
      new Option(
        "--int8 <when>",
        "whether the student multiplies integers; auto: where that is faster here and says the same (default: auto)",
      ).choices(INT8),
    )
    .option(
      "--width <features>",
      `instead of --speedup, and with --bytes: features of 8 bytes (tried: ${listed("width")})`,
      parsePositiveWhole,
    )
    .option(
      "--bytes <count>",
      `instead of --speedup, and with --width: how many bytes of a session are read (tried: ${listed("bytes")})`,
      parsePositiveWhole,
    )
    .option("--resume", "go on from the run's checkpoint; its own options are used")
    .option("--overwrite", "start anew in a folder that holds a run");
  addLabelFileOption(command);
  for (const key of DISTILL_KEYS) command.addOption(configOption(key, defaultText(key), ABOUT[key]));
  command
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action((run: string, dataset: string, flags: DistillFlags, _command: Command) =>
      runDistill(run, dataset, flags, context),
    );
};

const listed = (key: "width" | "bytes") => [...new Set(STUDENT_SHAPES.map((shape) => shape[key]))].join(", ");

function defaultText(key: (typeof DISTILL_KEYS)[number]): string {
  if (key === "seed") return "the teacher's";
  return String({ ...DISTILL_DEFAULTS }[key as keyof typeof DISTILL_DEFAULTS] ?? CONFIG_FIELDS[key].default);
}

function parseTimes(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value > 0 && Number.isFinite(value)))
    throw new InvalidArgumentError("Expected a number above 0.");
  return value;
}

async function runDistill(
  teacher: string,
  path: string,
  flags: DistillFlags,
  { terminal, signal }: CommandContext,
): Promise<void> {
  const { output, speedup, int8, width, bytes, resume, overwrite, json, labelFile, ...config } = flags;
  if (!resume && !overwrite && existsSync(runPath(output, "checkpoint"))) {
    throw new FlowglyphError(
      "ERR_ARGUMENT",
      `${output} already holds a run: add --resume to go on with it, --overwrite to start anew, or name another folder`,
    );
  }
  if ((width === undefined) !== (bytes === undefined))
    throw new FlowglyphError("ERR_ARGUMENT", "Expected --width and --bytes together");
  const dataset = await withLabelFiles(await openDataset(path), { labelFile }, terminal);
  const result = await distill(teacher, dataset, config, {
    run: output,
    speedup,
    int8,
    ...(width !== undefined && bytes !== undefined && { shape: { width, bytes } }),
    ...(resume && { resume }),
    ...(overwrite && { overwrite }),
    signal,
    onSize: (size, split) => noteStart(terminal, size, split),
    onProgress: (progress) => terminal.progress(progressLine(progress)),
    onEpoch: (record) => noteEpoch(terminal, record),
  }).catch((error: unknown) => {
    if (signal.aborted && existsSync(runPath(output, "checkpoint"))) {
      terminal.note(
        `What was learned so far is in ${output}: go on with \`flowglyph distill ${teacher} ${path} -o ${output} --resume\``,
      );
    }
    throw error;
  });
  terminal.progressDone();
  for (const warning of result.warnings) terminal.note(`warning: ${warning}`);
  const { metrics } = result;
  const { distilled } = metrics;
  if (json) await terminal.out(`${JSON.stringify(metrics, null, 2)}\n`);
  else if (distilled !== undefined) await terminal.out(distilledReport(distilled));
  terminal.note(`model: ${result.model}`);
}

function noteStart(terminal: Terminal, { width, bytes, teacher, measured }: StudentSize, split: Split): void {
  if (teacher !== null) {
    terminal.note(`sessions a second, one thread: teacher ${formatCount(teacher)}`);
    for (const size of measured) {
      terminal.note(
        `  width ${size.width}, ${size.bytes} bytes: ${formatCount(size.float32)} in float32, ${formatCount(size.int8)} in int8`,
      );
    }
  }
  const learned = split.labelled.length + split.unlabelled.length;
  terminal.note(
    `a student of width ${width} that reads ${bytes} bytes learns the answers on ${formatCount(learned)} sessions; ${formatCount(split.validation.length)} calibrate, ${formatCount(split.test.length)} test`,
  );
}

/** The teacher and each form of the student, the kept one marked. */
function distilledReport({ summary, forms }: DistilledOutcome): string {
  const { teacher, speed, arithmetic, test, validation } = summary;
  const percent = (share: number | null) => (share === null ? "" : (100 * share).toFixed(2));
  const rows = [
    ["", "sessions/s", "speedup", "size", "test accuracy %", "agrees %", "validation accuracy %", "agrees %"],
    [
      `teacher (${teacher.model})`,
      formatCount(speed.teacher),
      "1.0",
      formatBytes(teacher.bytes),
      percent(test.teacher),
      "",
      percent(validation.teacher),
      "",
    ],
    ...forms.map((form) => [
      `student, ${form.arithmetic}${form.arithmetic === arithmetic ? " (kept)" : ""}`,
      formatCount(Math.round(form.perSecond)),
      (form.perSecond / speed.teacher).toFixed(1),
      formatBytes(form.bytes),
      percent(form.test.student),
      form.test.rows > 0 ? percent(form.test.same) : "",
      percent(form.validation.student),
      form.validation.rows > 0 ? percent(form.validation.same) : "",
    ]),
  ];
  const where = `one thread, batches of ${speed.batch}, ${speed.processor || "this machine"}`;
  return `${formatTable(rows, [1, 2, 3, 4, 5, 6, 7])}\nSessions a second: ${where}. Test: ${formatCount(test.rows)} sessions, validation: ${formatCount(validation.rows)}.\n`;
}
