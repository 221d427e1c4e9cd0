// What the service may be told, with its limits.
import { invalidArgument } from "../../bindings/errors.ts";

export interface ServiceOptions {
  /** Largest capture, as it is sent. Default 1 GiB. */
  readonly maxBytes?: number | undefined;
  /** A capture has to be sent and classified within this. Default 300 s. */
  readonly maxSeconds?: number | undefined;
  /** Captures at a time. Default 16. */
  readonly maxJobs?: number | undefined;
  /** No capture is begun while the process holds more, and sessions hold at most half of it. Default 2 GiB. */
  readonly memoryBytes?: number | undefined;
  /** As `CaptureOptions.early`. */
  readonly early?: boolean | number | undefined;
  /** Class "unknown" unless the best class is more probable than this. */
  readonly unknownBelow?: number | undefined;
}

const GIB = 2 ** 30;

/** Fills in the defaults. @throws ERR_ARGUMENT */
export function resolveServiceOptions(options: ServiceOptions) {
  return {
    maxBytes: positive("maxBytes", options.maxBytes ?? GIB),
    maxSeconds: positive("maxSeconds", options.maxSeconds ?? 300),
    maxJobs: positive("maxJobs", options.maxJobs ?? 16),
    memoryBytes: positive("memoryBytes", options.memoryBytes ?? 2 * GIB),
    early: options.early ?? false,
    unknownBelow: options.unknownBelow,
  };
}

function positive(name: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw invalidArgument(name, "a number above 0", value);
}
