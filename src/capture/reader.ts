// A native capture handle with its life: steps, progress, abort, close, process exit. What sessions() and inspect() share.
import { type CaptureHandle, captureAddon, type Step } from "../../bindings/capture/addon.ts";
import { FlowglyphError } from "../../bindings/errors.ts";
import { threadsFor } from "./live.ts";
import { INPUT_METHODS, MASKS, ORDERS, TUNNELS, VIEWS } from "./names.ts";
import { decapTunnels, protocolNumbers, type ResolvedCaptureOptions } from "./options.ts";
import { type CaptureBytes, pushInput } from "./pushed-input.ts";
import { type CaptureSummary, summaryOf } from "./summary.ts";

// Input read in one native job. A job cannot be interrupted from outside its thread but by abort(), so this bounds how
// long a terminated worker thread waits for it; small enough for smooth progress, large enough that jobs cost nothing.
// A job that waits for a pipe ends by itself, with what it has or with nothing (kLiveStep in native/core/extractor.hpp).
const STEP_BYTES = 8 * 2 ** 20;

export interface CaptureReader {
  /**
   * The next step that gives a batch (a full one, the last, or what a pipe has brought) or ends the input.
   * ERR_IO, ERR_CAPTURE_FORMAT, ERR_ABORTED.
   */
  next(): Promise<Step>;
  /** What was read so far; not while a step runs, not after close. */
  summary(): CaptureSummary;
  /** Ends a running step and frees the native memory. Any number of times. */
  close(): Promise<void>;
}

export function openReader(
  paths: readonly string[],
  options: ResolvedCaptureOptions,
  countOnly: boolean,
  bytes?: CaptureBytes,
): CaptureReader {
  const { signal, finishSignal, onProgress } = options;
  if (signal?.aborted) throw abortedBy(signal);
  const addon = captureAddon();
  const handle = addon.open(paths, {
    view: VIEWS.indexOf(options.view),
    mask: MASKS.indexOf(options.mask),
    order: ORDERS.indexOf(options.order),
    idleTimeoutNs: nanoseconds(options.idleTimeout),
    activeTimeoutNs: nanoseconds(options.activeTimeout),
    closeTimeoutNs: nanoseconds(options.closeTimeout),
    memoryBytes: options.memoryBytes,
    // Of a stream, as of other live input, one is faster than what brings it.
    threads: bytes && options.threads === "auto" ? 1 : threadsFor(paths, options),
    decap: decapTunnels(options.decap).reduce((bits, tunnel) => bits | (1 << TUNNELS.indexOf(tunnel)), 0),
    protocols: protocolNumbers(options.protocols),
    sequence: options.sequence,
    merge: options.merge,
    follow: options.follow,
    early: options.early !== false,
    earlyPackets: typeof options.early === "number" ? options.early : 0,
    pushed: bytes !== undefined,
    inputMethod: INPUT_METHODS.indexOf(options.inputMethod),
    batchSize: options.batchSize,
    countOnly,
  });
  const pushed = bytes && pushInput(handle, bytes, paths[0]!);
  const onAbort = () => {
    addon.abort(handle);
    pushed?.stop();
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  const onFinish = () => {
    addon.finish(handle);
    pushed?.stop();
  };
  if (finishSignal?.aborted) onFinish();
  else finishSignal?.addEventListener("abort", onFinish, { once: true });
  let running: Promise<Step> | undefined;
  let closed = false;
  let reported = -1;

  async function next(): Promise<Step> {
    for (;;) {
      let step: Step;
      await pushed?.ready();
      if (closed) throw new FlowglyphError("ERR_ABORTED", "Reading the captures was aborted");
      running = addon.next(handle, STEP_BYTES);
      runningHandles.add(handle);
      try {
        step = await running;
      } catch (error) {
        throw signal?.aborted ? abortedBy(signal) : error;
      } finally {
        runningHandles.delete(handle);
        running = undefined;
        pushed?.stepped();
      }
      // A pipe that is silent gives a step a moment that read nothing: no progress.
      if (step.bytesRead !== reported || step.count > 0 || step.done) {
        reported = step.bytesRead;
        onProgress?.({
          bytesRead: step.bytesRead,
          totalBytes: step.totalBytes,
          packets: step.packets,
          sessions: step.sessions,
        });
      }
      if (step.count > 0 || step.done) return step;
    }
  }

  async function close(): Promise<void> {
    signal?.removeEventListener("abort", onAbort);
    finishSignal?.removeEventListener("abort", onFinish);
    closed = true;
    pushed?.stop();
    addon.abort(handle);
    await running?.catch(() => undefined);
    await addon.close(handle);
  }

  watchExit();
  return { next, summary: () => summaryOf(addon.summary(handle)), close };
}

export function abortedBy(signal: AbortSignal): FlowglyphError {
  return new FlowglyphError("ERR_ABORTED", "Reading the captures was aborted", { cause: signal.reason });
}

// At exit Node joins its thread pool: a step in the middle of megabytes has to be told.
const runningHandles = new Set<CaptureHandle>();
let watching = false;

function watchExit(): void {
  if (watching) return;
  watching = true;
  process.once("exit", () => {
    for (const handle of runningHandles) captureAddon().abort(handle);
  });
}

function nanoseconds(seconds: number): bigint {
  return BigInt(Math.round(seconds * 1e9));
}
