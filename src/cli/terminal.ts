// Where the commands write: results on standard output, progress and warnings on standard error. Commands get a Terminal
// and never print or exit themselves, so that each can be run in a test with a terminal that records.
import { Presets, SingleBar } from "cli-progress";
import { printable } from "../evaluation/table.ts";

/** One line of progress: how far, and what to say beside it. */
export interface ProgressLine {
  /** 0..1, or undefined where the end is not known (standard input). */
  readonly fraction: number | undefined;
  readonly text: string;
}

export interface Terminal {
  /** Results, verbatim; resolves when the reader has room again, so that streaming never outgrows memory. */
  out(text: string): Promise<void>;
  /** A note for people, one line. */
  note(text: string): void;
  progress(line: ProgressLine): void;
  /** Ends the progress line, so that what follows starts on a line of its own. */
  progressDone(): void;
  /** Columns of standard output, undefined where it is not a terminal. */
  readonly columns: number | undefined;
}

/** How often a progress line is written where standard error is a file or a pipe. */
const PLAIN_PROGRESS_MS = 10_000;

export function processTerminal(): Terminal {
  const { stdout, stderr } = process;
  let bar: SingleBar | undefined;
  let lastPlain = Date.now();
  const progressDone = () => {
    bar?.stop();
    bar = undefined;
  };
  return {
    columns: stdout.isTTY ? stdout.columns : undefined,
    out: (text) =>
      new Promise((resolve) => {
        if (stdout.write(text)) resolve();
        else stdout.once("drain", resolve);
      }),
    note: (text) => {
      progressDone();
      stderr.write(`${printable(text)}\n`);
    },
    progress: (line) => {
      if (stderr.isTTY) {
        if (bar === undefined) {
          bar = new SingleBar(
            {
              stream: stderr,
              format: "{bar} {percent} {text}",
              barsize: 24,
              hideCursor: true,
              clearOnComplete: true,
            },
            Presets.shades_classic,
          );
          bar.start(1000, 0, { text: line.text, percent: "" });
        }
        const percent = line.fraction === undefined ? "" : `${(line.fraction * 100).toFixed(0).padStart(3)}%`;
        bar.update(Math.round((line.fraction ?? 0) * 1000), { text: line.text, percent });
      } else if (Date.now() - lastPlain >= PLAIN_PROGRESS_MS) {
        lastPlain = Date.now();
        const percent = line.fraction === undefined ? "" : `${(line.fraction * 100).toFixed(1)}% `;
        stderr.write(`${percent}${line.text}\n`);
      }
    },
    progressDone,
  };
}
