// Many captures, several at a time: the rows come out in the order of the captures, and a capture that cannot be read does
// not stop the others. Rows wait in the journal for their turn, never in memory.
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { FlowglyphError } from "../../bindings/errors.ts";
import { type CaptureSummary, sumSummaries } from "../capture/index.ts";
import type { Classifier, ClassifyOptions, VerdictBatch } from "../inference/index.ts";
import { decodeFrame, encodeFrame } from "./frame.ts";
import type { CaptureKey, FinishedCapture, Journal, RecordPlace } from "./journal.ts";

export interface BatchProgress {
  /** Captures that are done, failed ones included. */
  readonly done: number;
  readonly captures: number;
  /** Of the captures' files; those of former runs count as read. */
  readonly bytesRead: number;
  readonly totalBytes: number;
  /** Read in this run. */
  readonly newBytes: number;
  /** Classified in this run. */
  readonly sessions: number;
}

export interface BatchOptions {
  /** Captures under way at once. */
  readonly jobs: number;
  readonly journal: Journal;
  /** As for each capture alone; `memoryBytes` is what all of them have together. */
  readonly classify: Omit<ClassifyOptions, "ordered" | "onProgress" | "onSummary">;
  /** Gets the verdicts in the order of the captures; the next come when it is done. */
  readonly write: (batch: VerdictBatch) => Promise<void>;
  readonly onProgress?: ((progress: BatchProgress) => void) | undefined;
}

/** A capture that could not be read to its end. */
export interface CaptureFailure {
  readonly capture: string;
  readonly error: FlowglyphError;
  /** Read before it failed, and among the rows. */
  readonly sessions: number;
}

export interface BatchReport {
  /** Read to their end, in this run and in former ones. */
  readonly classified: number;
  /** Of those, in former ones. */
  readonly remembered: number;
  readonly failures: readonly CaptureFailure[];
  /** Of all that was read to its end, in this run and in former ones. */
  readonly summary: CaptureSummary;
  /** Of capture files, read in this run. */
  readonly newBytes: number;
  /** Classified in this run. */
  readonly newSessions: number;
}

interface CaptureState {
  readonly path: string;
  readonly key: CaptureKey | undefined;
  /** Of rows that wait for their turn. */
  frames: RecordPlace[];
  bytesRead: number;
  sessions: number;
  ended: boolean;
  /** Of a former run. */
  readonly former: FinishedCapture | undefined;
  summary: CaptureSummary | undefined;
  error: FlowglyphError | undefined;
}

const SUMMED_AT_ONCE = 64;

interface EndRecord {
  readonly sessions: number;
  readonly summary: CaptureSummary;
}

/**
 * Classifies captures. A capture that cannot be read (ERR_IO, ERR_CAPTURE_FORMAT) is a failure in the report; what it gave
 * before is among the rows.
 * @throws FlowglyphError what classifying throws otherwise, and what `write` throws
 */
export async function classifyFiles(
  captures: readonly string[],
  classifier: Pick<Classifier, "classify">,
  options: BatchOptions,
): Promise<BatchReport> {
  const { journal, classify, write, onProgress } = options;
  const states = await Promise.all(captures.map((path) => stateOf(path, journal)));
  const jobs = Math.max(1, Math.min(options.jobs, states.filter(({ ended }) => !ended).length));
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(classify.signal ? [classify.signal] : [])]);
  const totalBytes = states.reduce((sum, { key }) => sum + (key?.size ?? 0), 0);
  let newBytes = 0;
  let newSessions = 0;
  let done = states.filter(({ ended }) => ended).length;
  let bytesRead = states.reduce((sum, state) => sum + state.bytesRead, 0);
  let failure: { readonly error: unknown } | undefined;
  let wake = (): void => undefined;
  // One is some kilobytes, and a job may have a million captures.
  let summaries: CaptureSummary[] = [];

  function fail(error: unknown): void {
    failure ??= { error };
    stop.abort();
    wake();
  }

  function progress(): void {
    onProgress?.({ done, captures: states.length, bytesRead, totalBytes, newBytes, sessions: newSessions });
  }

  function note(state: CaptureState, bytes: number): void {
    bytesRead += bytes - state.bytesRead;
    newBytes += bytes - state.bytesRead;
    state.bytesRead = bytes;
    progress();
  }

  async function classifyOne(state: CaptureState): Promise<void> {
    const number = await journal.begin(state.key ?? { path: resolve(state.path), size: 0, modified: "" });
    const { memoryBytes, threads = "auto" } = classify;
    const stream = classifier.classify([state.path], {
      ...classify,
      ordered: true,
      signal,
      ...(memoryBytes !== undefined && { memoryBytes: Math.max(1, Math.floor(memoryBytes / jobs)) }),
      threads: threads === "auto" && jobs > 1 ? 1 : threads,
      onProgress: (read) => note(state, read.bytesRead),
      onSummary: (summary) => {
        state.summary = summary;
      },
    });
    try {
      for (;;) {
        const next = await stream.next().catch((error: unknown) => {
          if (!isOfCapture(error)) throw error;
          state.error = error;
        });
        if (next === undefined || next.done) break;
        const batch = next.value;
        const place = await journal.append(number, encodeFrame(batch));
        state.frames.push(place);
        state.sessions += batch.count;
        newSessions += batch.count;
        wake();
      }
    } finally {
      await stream.return();
    }
    if (state.error === undefined && state.key !== undefined && state.summary !== undefined) {
      await journal.finish(number, { sessions: state.sessions, summary: state.summary } satisfies EndRecord);
    }
    state.ended = true;
    done++;
    progress();
    wake();
  }

  let next = 0;
  async function work(): Promise<void> {
    while (failure === undefined) {
      const state = states[next++];
      if (state === undefined) return;
      if (!state.ended) await classifyOne(state);
    }
  }

  async function drain(): Promise<void> {
    for (const state of states) {
      for (;;) {
        if (failure !== undefined) return;
        const frames = state.frames;
        state.frames = [];
        for (const place of frames) await write(decodeFrame(await journal.read(place), state.path));
        if (frames.length === 0) {
          if (state.ended) {
            const summary = state.former ? await summaryOf(state.former, journal) : state.summary;
            if (summary !== undefined) summaries.push(summary);
            state.summary = undefined;
            if (summaries.length === SUMMED_AT_ONCE) summaries = [sumSummaries(summaries)];
            break;
          }
          // Nothing runs between the looks above and this: no wake-up is lost.
          await new Promise<void>((resolve) => (wake = resolve));
        }
      }
    }
  }

  progress();
  const workers = Array.from({ length: jobs }, () => work().catch(fail));
  await Promise.all([...workers, drain().catch(fail)]);
  if (failure !== undefined) throw (failure as { readonly error: unknown }).error;
  const failed = states.filter(({ error }) => error !== undefined);
  return {
    classified: states.length - failed.length,
    remembered: states.filter(({ former }) => former !== undefined).length,
    failures: failed.map(({ path, error, sessions }) => ({ capture: path, error: error!, sessions })),
    summary: sumSummaries(summaries),
    newBytes,
    newSessions,
  };
}

/** What is wrong with one capture, and with nothing else. */
function isOfCapture(error: unknown): error is FlowglyphError {
  return error instanceof FlowglyphError && (error.code === "ERR_IO" || error.code === "ERR_CAPTURE_FORMAT");
}

async function summaryOf(former: FinishedCapture, journal: Journal): Promise<CaptureSummary> {
  return ((await journal.report(former)) as EndRecord).summary;
}

async function stateOf(path: string, journal: Journal): Promise<CaptureState> {
  // What cannot be looked at fails when it is read.
  const info = await stat(path, { bigint: true }).catch(() => undefined);
  const key = info?.isFile()
    ? { path: resolve(path), size: Number(info.size), modified: String(info.mtimeNs) }
    : undefined;
  const former = key && journal.finished(key);
  return {
    path,
    key,
    frames: [...(former?.frames ?? [])],
    bytesRead: former === undefined ? 0 : key!.size,
    sessions: 0,
    ended: former !== undefined,
    former,
    summary: undefined,
    error: undefined,
  };
}
