// Native jobs that can be watched and stopped, as native/capture/job_worker.hpp has them.
import { FlowglyphError } from "../errors.ts";
import { howToBuild } from "../load.ts";
import { type CaptureAddon, captureAddon } from "./addon.ts";

/** What a running job and who waits for it share. Opaque. */
export interface JobControl {
  readonly jobControl: unique symbol;
}

export interface JobFunctions {
  jobControl(): JobControl;
  /** Parts of the work that are done, as each job counts them. */
  jobDone(control: JobControl): number;
  /** The job rejects with ERR_ABORTED, soon. */
  abortJob(control: JobControl): void;
}

export interface WatchJob {
  /** ERR_ABORTED. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the parts that are done, now and then. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

const PROGRESS_MS = 50;

/** The capture addon with the functions of `Functions`, of which `name` is one. ERR_ADDON_MISSING where it lacks them. */
export function nativeFunctions<Functions extends Partial<CaptureAddon>>(
  name: keyof Functions & keyof CaptureAddon,
): CaptureAddon & Functions {
  const addon = captureAddon();
  if (addon[name] === undefined) {
    throw new FlowglyphError(
      "ERR_ADDON_MISSING",
      `The native addon flowglyph_capture is older than this code. ${howToBuild("flowglyph_capture")}`,
    );
  }
  return addon as CaptureAddon & Functions;
}

/** Starts a job with a control of its own and waits for it. */
export async function runJob<T>(
  { signal, onProgress }: WatchJob,
  start: (control: JobControl) => Promise<T>,
): Promise<T> {
  const { jobControl, jobDone, abortJob } = nativeFunctions<JobFunctions>("jobControl");
  const control = jobControl();
  const abort = () => abortJob(control);
  if (signal?.aborted) throw new FlowglyphError("ERR_ABORTED", "The computation was aborted");
  signal?.addEventListener("abort", abort, { once: true });
  const timer = onProgress && setInterval(() => onProgress(jobDone(control)), PROGRESS_MS);
  try {
    return await start(control);
  } finally {
    clearInterval(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/** Threads of native jobs, at most. */
export const MAX_THREADS = 64;
