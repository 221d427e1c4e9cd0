// The two ways in which classify works: one stream of captures, which may be live, and a job of many capture files.
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { type BatchReport, classifyFiles, Journal } from "../batch/index.ts";
import { type CaptureSummary, sumSummaries } from "../capture/index.ts";
import { type Classifier, modelFile, type VerdictBatch } from "../inference/index.ts";
import type { VerdictFileWriter, VerdictRow, VerdictTally, VerdictWriter } from "../results/index.ts";
import { toolVersion } from "../version.ts";
import { type CaptureFlags, captureOptions } from "./capture-options.ts";
import { type CommandContext, finishable } from "./command.ts";
import { formatCount } from "./format.ts";
import { batchProgress, captureProgress } from "./progress.ts";
import { noteCounts } from "./verdict-output.ts";

// Each reads with a thread of its own, and the classifier has its hosts besides.
const MAX_JOBS = 4;

/** What both ways of classifying share. */
export interface ClassifyWork {
  readonly paths: readonly string[];
  readonly openWriter: () => Promise<VerdictWriter & Partial<VerdictFileWriter>>;
  readonly rowsOf: (batch: VerdictBatch) => VerdictRow[];
  readonly tally: VerdictTally;
}

/** One stream of captures, which may be live. What was classified before it failed is kept. */
export async function classifyStream(
  { paths, openWriter, rowsOf, tally }: ClassifyWork,
  classifier: Classifier,
  capture: CaptureFlags,
  output: string | undefined,
  context: CommandContext,
): Promise<BatchReport> {
  const { terminal } = context;
  let summary: CaptureSummary | undefined;
  let newSessions = 0;
  let writer: Awaited<ReturnType<ClassifyWork["openWriter"]>> | undefined;
  try {
    const verdicts = classifier.classify(paths, {
      ...captureOptions(capture),
      // The same captures are the same file, byte for byte.
      ordered: true,
      ...finishable(context, paths, capture.follow ?? false),
      onProgress: captureProgress(terminal),
      onSummary: (read) => {
        summary = read;
      },
    });
    for await (const batch of verdicts) {
      // Opened late: a capture or a model that cannot be read leaves an older results file as it was.
      writer ??= await openWriter();
      newSessions += batch.count;
      await writer.write(rowsOf(batch));
    }
    writer ??= await openWriter();
    await writer.write([]);
    await writer.close();
  } catch (error) {
    terminal.progressDone();
    // The first failure is the one to tell.
    const kept = await writer?.close().then(
      () => true,
      () => writer?.discard?.().then(() => false),
    );
    if (kept && output !== undefined) noteCounts(terminal, tally.totals(), output, "before the end: ");
    throw error;
  }
  return {
    classified: paths.length,
    remembered: 0,
    failures: [],
    summary: summary ?? sumSummaries([]),
    newBytes: summary?.bytesRead ?? 0,
    newSessions,
  };
}

/** Capture files, several at a time, as a job that --resume can go on with. */
export async function classifyJob(
  { paths, openWriter, rowsOf }: ClassifyWork,
  classifier: Classifier,
  capture: CaptureFlags,
  { model, jobs, resume, output }: JobOptions,
  { terminal, signal }: CommandContext,
): Promise<BatchReport> {
  const scratch = output === undefined ? await mkdtemp(join(tmpdir(), "flowglyph-")) : undefined;
  const journal = await Journal.open(output === undefined ? join(scratch!, "journal") : `${output}.journal`, {
    origin: await originOf(model, capture),
    resume,
    durable: output !== undefined,
  });
  let finished = false;
  let writer: Awaited<ReturnType<ClassifyWork["openWriter"]>> | undefined;
  try {
    if (resume && journal.remembered === 0) terminal.note("nothing to resume: starting from the beginning");
    const report = await classifyFiles(paths, classifier, {
      jobs: jobs ?? Math.min(MAX_JOBS, availableParallelism()),
      journal,
      classify: { ...captureOptions(capture), signal },
      onProgress: batchProgress(terminal),
      write: async (batch) => {
        writer ??= await openWriter();
        await writer.write(rowsOf(batch));
      },
    });
    // A job none of whose captures could be read leaves an older results file as it was.
    if (report.classified === 0 && report.failures[0] !== undefined && writer === undefined)
      throw report.failures[0].error;
    writer ??= await openWriter();
    await writer.write([]);
    await writer.close();
    finished = true;
    return report;
  } catch (error) {
    terminal.progressDone();
    await writer?.discard?.();
    throw error;
  } finally {
    const worthKeeping = output !== undefined && (finished ? resume : journal.finishedCaptures > 0);
    await (worthKeeping ? journal.close() : journal.remove());
    if (scratch !== undefined) await rm(scratch, { recursive: true, force: true });
    if (worthKeeping && !finished) {
      terminal.note(
        `${formatCount(journal.finishedCaptures)} of ${formatCount(paths.length)} captures are finished; the same command with --resume goes on from there`,
      );
    }
  }
}

interface JobOptions {
  readonly model: string;
  readonly jobs: number | undefined;
  readonly resume: boolean;
  readonly output: string | undefined;
}

/** What decides the rows of a capture: the model's bytes, how captures are read, and by which version. */
async function originOf(model: string, capture: CaptureFlags): Promise<string> {
  const { threads: _, inputMethod: __, ...deciding } = capture;
  return createHash("sha256")
    .update(await readFile(await modelFile(model)))
    .update(JSON.stringify([toolVersion(), Object.entries(deciding).sort()]))
    .digest("hex");
}
