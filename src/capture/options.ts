// Names of views and masks, and the options of extraction with their defaults and reasons. Checked once, here.
import { invalidArgument } from "../../bindings/errors.ts";
import type { CaptureSummary } from "./summary.ts";

/** Which bytes of a session become its image (DESIGN: `pcap`, `l3`, `l7`). */
export const VIEWS = ["pcap", "l3", "l7"] as const;
export type View = (typeof VIEWS)[number];

/** Which fields of those bytes are zeroed. */
export const MASKS = ["none", "identity", "stack"] as const;
export type Mask = (typeof MASKS)[number];

/** What extraction may be told. Unknown keys are errors. */
export interface CaptureOptions {
  /** Default `l3`. */
  readonly view?: View | undefined;
  /** Default `identity`: what names the hosts and the recording would give a class away without the traffic. */
  readonly mask?: Mask | undefined;
  /** Seconds of capture time without a packet that end a session; 0 = unlimited. Default 120, as NFStream. */
  readonly idleTimeout?: number | undefined;
  /** Seconds of capture time that a session may last; 0 = unlimited. Default 1800, as NFStream. */
  readonly activeTimeout?: number | undefined;
  /** Hard cap on the memory of live sessions, oldest first out. Default 512 MiB. */
  readonly memoryBytes?: number | undefined;
  /** Sessions a batch, 1 to 1048576; the last batch may hold fewer. Default 1024: 0.9 MiB. */
  readonly batchSize?: number | undefined;
  /** Ends the reading with ERR_ABORTED. */
  readonly signal?: AbortSignal | undefined;
  /** Called on the JavaScript thread after every few megabytes. */
  readonly onProgress?: ((progress: CaptureProgress) => void) | undefined;
  /** Called once, when all input was read: what was skipped and why, and the warnings (truncated files). */
  readonly onSummary?: ((summary: CaptureSummary) => void) | undefined;
}

/** How far the reading is, over all files. */
export interface CaptureProgress {
  readonly bytesRead: number;
  /** Of all inputs; 0 where it is not known (standard input). */
  readonly totalBytes: number;
  /** Records read. */
  readonly packets: number;
  /** Sessions that ended. */
  readonly sessions: number;
}

/** Options with every default filled in. */
export interface ResolvedCaptureOptions {
  readonly view: View;
  readonly mask: Mask;
  readonly idleTimeout: number;
  readonly activeTimeout: number;
  readonly memoryBytes: number;
  readonly batchSize: number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: CaptureProgress) => void) | undefined;
  readonly onSummary: ((summary: CaptureSummary) => void) | undefined;
}

export const CAPTURE_DEFAULTS = {
  view: "l3",
  mask: "identity",
  idleTimeout: 120,
  activeTimeout: 1800,
  memoryBytes: 512 * 2 ** 20,
  batchSize: 1024,
} as const;

const MAX_BATCH_SIZE = 2 ** 20;
// Nanoseconds in a signed 64-bit number.
const MAX_TIMEOUT = 9_223_372_036;

/** Checks the options and fills in the defaults; ERR_ARGUMENT. */
export function resolveCaptureOptions(options: CaptureOptions = {}): ResolvedCaptureOptions {
  if (typeof options !== "object" || options === null) throw invalidArgument("options", "an object", options);
  const known = [...Object.keys(CAPTURE_DEFAULTS), "signal", "onProgress", "onSummary"];
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw invalidArgument("options", `made of ${known.join(", ")}`, key);
  }
  const view = options.view ?? CAPTURE_DEFAULTS.view;
  if (!VIEWS.includes(view)) throw invalidArgument("view", `one of ${VIEWS.join(", ")}`, view);
  const mask = options.mask ?? CAPTURE_DEFAULTS.mask;
  if (!MASKS.includes(mask)) throw invalidArgument("mask", `one of ${MASKS.join(", ")}`, mask);
  const { signal, onProgress, onSummary } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidArgument("signal", "an AbortSignal", signal);
  }
  for (const [name, callback] of Object.entries({ onProgress, onSummary })) {
    if (callback !== undefined && typeof callback !== "function")
      throw invalidArgument(name, "a function", callback);
  }
  return {
    view,
    mask,
    idleTimeout: seconds("idleTimeout", options.idleTimeout ?? CAPTURE_DEFAULTS.idleTimeout),
    activeTimeout: seconds("activeTimeout", options.activeTimeout ?? CAPTURE_DEFAULTS.activeTimeout),
    memoryBytes: integer(
      "memoryBytes",
      options.memoryBytes ?? CAPTURE_DEFAULTS.memoryBytes,
      Number.MAX_SAFE_INTEGER,
    ),
    batchSize: integer("batchSize", options.batchSize ?? CAPTURE_DEFAULTS.batchSize, MAX_BATCH_SIZE),
    signal,
    onProgress,
    onSummary,
  };
}

function seconds(name: string, value: number): number {
  if (typeof value === "number" && value >= 0 && value <= MAX_TIMEOUT) return value;
  throw invalidArgument(name, `seconds from 0 (unlimited) to ${MAX_TIMEOUT}`, value);
}

function integer(name: string, value: number, maximum: number): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= maximum) return value;
  throw invalidArgument(name, `an integer from 1 to ${maximum}`, value);
}
