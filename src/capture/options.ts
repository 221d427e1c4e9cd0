// The options of extraction with their defaults and reasons. Checked once, here; what they resolve to is canonical, so that
// equal options are equal values.
import { invalidArgument } from "../../bindings/errors.ts";
import {
  INPUT_METHODS,
  type InputMethod,
  MASKS,
  type Mask,
  ORDERS,
  type Order,
  PROTOCOLS,
  type Protocol,
  protocolName,
  TUNNELS,
  type Tunnel,
  VIEWS,
  type View,
} from "./names.ts";
import type { CaptureSummary } from "./summary.ts";

/** Tunnels whose outer headers are removed; `all` of `TUNNELS`, `none`, or some of them. */
export type Decap = "all" | "none" | readonly Tunnel[];
/** What becomes sessions: names of `PROTOCOLS`, other IP protocols by their numbers, or `all`. */
export type ProtocolList = "all" | readonly (Protocol | number)[];

/** What extraction may be told. Unknown keys are errors. */
export interface CaptureOptions {
  /** Default `l3`. */
  readonly view?: View | undefined;
  /** Default `identity`: what names the hosts and the recording would give a class away without the traffic. */
  readonly mask?: Mask | undefined;
  /**
   * In view `l7`: TCP payload by sequence number, without what was sent again (`stream`, the default), or as captured, as the
   * published image sets hold it (`capture`). The other views hold packets as captured.
   */
  readonly order?: Order | undefined;
  /**
   * Tunnels whose outer headers are removed, so that the inner packets are the sessions. Default `all`; `none` makes sessions
   * of the outermost IP header.
   */
  readonly decap?: Decap | undefined;
  /**
   * IP protocols that become sessions, by name (`PROTOCOLS`) or number, or `all`. Default `["tcp", "udp"]`: what encrypted
   * traffic runs over. Records of others are counted as skipped.
   */
  readonly protocols?: ProtocolList | undefined;
  /** Seconds of capture time without a packet that end a session; 0 = unlimited. Default 120, as NFStream. */
  readonly idleTimeout?: number | undefined;
  /** Seconds of capture time that a session may last; 0 = unlimited. Default 1800, as NFStream. */
  readonly activeTimeout?: number | undefined;
  /**
   * Seconds of capture time without a packet that end a TCP session which is closed (FIN both ways, or RST). Default 5: what
   * comes then belongs to a new connection. 0 = closing ends nothing, and so it is without an idle timeout.
   */
  readonly closeTimeout?: number | undefined;
  /**
   * Of how many first packets a session's length, direction and gap in time are kept (the sequence columns), 0 to 1024.
   * Default 0: none.
   */
  readonly sequence?: number | undefined;
  /** Hard cap on the memory of live sessions and what waits for them, oldest first out. Default 512 MiB. */
  readonly memoryBytes?: number | undefined;
  /**
   * Threads that read one input, 1 to 64, beside JavaScript's own. The sessions do not depend on it. Default `auto`: one a
   * processor, at most 4, for files of 16 MiB and more; 1 for smaller ones, which one thread reads in some 20 ms, and for
   * live input, which is slower than one thread.
   */
  readonly threads?: number | "auto" | undefined;
  /**
   * All captures as one stream in the order of time, and sessions across them. Default `false`: captures in the order
   * given, and sessions end where their file ends.
   */
  readonly merge?: boolean | undefined;
  /**
   * Files may still be written to: at their end more is waited for, until `finishSignal` (or `signal`). Default `false`.
   */
  readonly follow?: boolean | undefined;
  /**
   * A session comes out as soon as its image is full, which more packets cannot change, or, with a number, as soon as it has
   * so many packets, and not when it ends. Its `endReason` is then `early`, and its counts are those so far; it has no
   * second row. Sessions that end before come out at their end. Default `false`.
   */
  readonly early?: boolean | number | undefined;
  /** What a capture that comes as a stream is called in `captures` and in messages. Default `stream`. */
  readonly name?: string | undefined;
  /** How regular files are read: the sessions are the same. Default `read`. */
  readonly inputMethod?: InputMethod | undefined;
  /** Sessions a batch, 1 to 1048576, and at most 1 GiB; the last batch may hold fewer. Default 1024: 0.9 MiB. */
  readonly batchSize?: number | undefined;
  /** Ends the reading with ERR_ABORTED. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Ends live input (pipes, terminals, files that are followed) where it is: the sessions still open come out, and the
   * reading ends as at the end of the input. Other files are read to their ends.
   */
  readonly finishSignal?: AbortSignal | undefined;
  /** Called on the JavaScript thread after every few megabytes. */
  readonly onProgress?: ((progress: CaptureProgress) => void) | undefined;
  /** Called once, when all input was read: what was skipped and why, and the warnings (truncated files). */
  readonly onSummary?: ((summary: CaptureSummary) => void) | undefined;
}

/** How far the reading is, over all files. */
export interface CaptureProgress {
  readonly bytesRead: number;
  /** Of all inputs; 0 where it is not known (standard input, a file that is followed). */
  readonly totalBytes: number;
  /** Records read. */
  readonly packets: number;
  /** Sessions that ended. */
  readonly sessions: number;
}

type Callbacks = "signal" | "finishSignal" | "onProgress" | "onSummary";

/** Options with every default filled in. */
export type ResolvedCaptureOptions = {
  readonly [Name in Exclude<keyof CaptureOptions, Callbacks>]-?: Exclude<CaptureOptions[Name], undefined>;
} & { readonly [Name in Callbacks]: CaptureOptions[Name] };

export const CAPTURE_DEFAULTS = {
  view: "l3",
  mask: "identity",
  order: "stream",
  decap: "all",
  protocols: ["tcp", "udp"],
  idleTimeout: 120,
  activeTimeout: 1800,
  closeTimeout: 5,
  sequence: 0,
  memoryBytes: 512 * 2 ** 20,
  threads: "auto",
  merge: false,
  follow: false,
  early: false,
  name: "stream",
  inputMethod: "read",
  batchSize: 1024,
} as const satisfies Omit<ResolvedCaptureOptions, Callbacks>;

export const MAX_SEQUENCE = 1024;
export const MAX_THREADS = 64;
const MAX_BATCH_SIZE = 2 ** 20;
// Nanoseconds in a signed 64-bit number.
const MAX_TIMEOUT = 9_223_372_036;

type Check<T> = (name: string, value: unknown) => T;

/** One row an option: what it may be, and what it becomes. */
const CHECKS: { readonly [Name in keyof ResolvedCaptureOptions]: Check<ResolvedCaptureOptions[Name]> } = {
  view: oneOf(VIEWS),
  mask: oneOf(MASKS),
  order: oneOf(ORDERS),
  decap: checkDecap,
  protocols: checkProtocols,
  idleTimeout: seconds,
  activeTimeout: seconds,
  closeTimeout: seconds,
  sequence: integer(0, MAX_SEQUENCE),
  memoryBytes: integer(1, Number.MAX_SAFE_INTEGER),
  threads: (name, value) => (value === "auto" ? value : integer(1, MAX_THREADS, '"auto" or ')(name, value)),
  merge: flag,
  follow: flag,
  early: (name, value) =>
    typeof value === "boolean" ? value : integer(1, 2 ** 32 - 1, "true, false or ")(name, value),
  name: (name, value) => {
    if (typeof value !== "string" || value === "" || value.includes("\0"))
      throw invalidArgument(name, "a text without NUL characters", value);
    return value;
  },
  inputMethod: oneOf(INPUT_METHODS),
  batchSize: integer(1, MAX_BATCH_SIZE),
  signal: abortSignal,
  finishSignal: abortSignal,
  onProgress: callback,
  onSummary: callback,
};

/** Checks the options and fills in the defaults; ERR_ARGUMENT. */
export function resolveCaptureOptions(options: CaptureOptions = {}): ResolvedCaptureOptions {
  if (typeof options !== "object" || options === null) throw invalidArgument("options", "an object", options);
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(CHECKS, key)) {
      throw invalidArgument("options", `made of ${Object.keys(CHECKS).join(", ")}`, key);
    }
  }
  const given: Readonly<Record<string, unknown>> = { ...options };
  const defaults: Readonly<Record<string, unknown>> = CAPTURE_DEFAULTS;
  const resolved = Object.entries(CHECKS).map(([name, check]) => [
    name,
    check(name, given[name] ?? defaults[name]),
  ]);
  return Object.fromEntries(resolved) as ResolvedCaptureOptions;
}

/** Whether a value, of a file for one, is what an option resolves to. */
export function isResolved(name: keyof typeof CAPTURE_DEFAULTS, value: unknown): boolean {
  try {
    return String(CHECKS[name](name, value)) === String(value);
  } catch {
    return false;
  }
}

/** The tunnels that `decap` stands for, in the order of `TUNNELS`. */
export function decapTunnels(decap: Decap): readonly Tunnel[] {
  return decap === "all" ? TUNNELS : decap === "none" ? [] : decap;
}

/** The IP protocol numbers that `protocols` stands for, ascending. */
export function protocolNumbers(protocols: ProtocolList): readonly number[] {
  if (protocols === "all") return Array.from({ length: 256 }, (_, number) => number);
  return protocols.map((protocol) => (typeof protocol === "number" ? protocol : PROTOCOLS[protocol]));
}

function oneOf<T extends string>(values: readonly T[]): Check<T> {
  return (name, value) => {
    if (!values.includes(value as T)) throw invalidArgument(name, `one of ${values.join(", ")}`, value);
    return value as T;
  };
}

/** In the order of TUNNELS, each once; all of them are `all`, and none `none`. */
function checkDecap(name: string, value: unknown): Decap {
  if (value === "all" || value === "none") return value;
  if (!Array.isArray(value) || value.some((tunnel) => !TUNNELS.includes(tunnel))) {
    throw invalidArgument(name, `"all", "none" or a list of ${TUNNELS.join(", ")}`, value);
  }
  const tunnels = TUNNELS.filter((tunnel) => value.includes(tunnel));
  return tunnels.length === 0 ? "none" : tunnels.length === TUNNELS.length ? "all" : tunnels;
}

/** Ascending by number, each once, names where there are any; all 256 are `all`. */
function checkProtocols(name: string, value: unknown): ProtocolList {
  if (value === "all") return value;
  const numberOf = (protocol: unknown): number | undefined => {
    if (typeof protocol === "string" && Object.hasOwn(PROTOCOLS, protocol))
      return PROTOCOLS[protocol as Protocol];
    const isNumber = Number.isInteger(protocol) && (protocol as number) >= 0 && (protocol as number) <= 255;
    return isNumber ? (protocol as number) : undefined;
  };
  const numbers = Array.isArray(value) ? value.map(numberOf) : [];
  if (numbers.length === 0 || numbers.includes(undefined)) {
    const names = Object.keys(PROTOCOLS).join(", ");
    throw invalidArgument(name, `"all" or a list of ${names} or numbers from 0 to 255`, value);
  }
  const ascending = [...new Set(numbers as number[])].sort((a, b) => a - b);
  if (ascending.length === 256) return "all";
  return ascending.map((number) => {
    const known = protocolName(number);
    return known === String(number) ? number : (known as Protocol);
  });
}

function seconds(name: string, value: unknown): number {
  if (typeof value === "number" && value >= 0 && value <= MAX_TIMEOUT) return value;
  throw invalidArgument(name, `seconds from 0 (unlimited) to ${MAX_TIMEOUT}`, value);
}

function integer(minimum: number, maximum: number, otherwise = ""): Check<number> {
  return (name, value) => {
    if (Number.isSafeInteger(value) && (value as number) >= minimum && (value as number) <= maximum)
      return value as number;
    throw invalidArgument(name, `${otherwise}an integer from ${minimum} to ${maximum}`, value);
  };
}

function flag(name: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw invalidArgument(name, "true or false", value);
  return value;
}

function abortSignal(name: string, value: unknown): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value;
  throw invalidArgument(name, "an AbortSignal", value);
}

function callback<T>(name: string, value: unknown): T | undefined {
  if (value === undefined || typeof value === "function") return value as T | undefined;
  throw invalidArgument(name, "a function", value);
}
