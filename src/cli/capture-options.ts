// The options of extraction on the command line: one definition for every command that reads captures.
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  CAPTURE_DEFAULTS,
  type CaptureOptions,
  INPUT_METHODS,
  MASKS,
  ORDERS,
  PROTOCOLS,
  resolveCaptureOptions,
  TUNNELS,
  VIEWS,
} from "../capture/index.ts";
import { parseBytes } from "./format.ts";

/** What the flags are called once they are parsed; `memory` is CaptureOptions' memoryBytes. */
export type CaptureFlags = Omit<
  CaptureOptions,
  "memoryBytes" | "batchSize" | "name" | "signal" | "finishSignal" | "onProgress" | "onSummary"
> & {
  readonly memory?: number;
};

interface Flag {
  readonly flags: string;
  readonly help: string;
  readonly choices?: readonly string[];
  readonly parse?: (text: string) => unknown;
  /** A model says what its images are: `classify` wants to be told only what it does not know. */
  readonly ofModel?: true;
  readonly group: "image" | "session" | "reading";
}

const GROUPS = { image: "Images:", session: "Sessions:", reading: "Reading:" } as const;

const TABLE = {
  view: {
    flags: "--view <view>",
    help: "which bytes of a session become its image",
    choices: VIEWS,
    ofModel: true,
    group: "image",
  },
  mask: {
    flags: "--mask <mask>",
    help: "which fields of those bytes are zeroed",
    choices: MASKS,
    ofModel: true,
    group: "image",
  },
  order: {
    flags: "--order <order>",
    help: "TCP payload in view l7: in its stream's order, each byte once, or as captured",
    choices: ORDERS,
    ofModel: true,
    group: "image",
  },
  sequence: {
    flags: "--sequence <n>",
    help: "keep lengths, directions and gaps in time of a session's first n packets, up to 1024",
    parse: checked("sequence", wholeNumber),
    group: "image",
  },
  decap: {
    flags: "--decap <all|none|list>",
    help: `tunnels to look into, from ${TUNNELS.join(", ")}`,
    parse: checked("decap", listOrWord),
    ofModel: true,
    group: "session",
  },
  protocols: {
    flags: "--protocols <list|all>",
    help: `IP protocols that become sessions, from ${Object.keys(PROTOCOLS).join(", ")} or numbers`,
    parse: checked("protocols", (text) => {
      const list = listOrWord(text);
      return typeof list === "string" ? list : list.map((item) => (/^\d+$/.test(item) ? Number(item) : item));
    }),
    ofModel: true,
    group: "session",
  },
  idleTimeout: {
    flags: "--idle-timeout <seconds>",
    help: "end a session after this much silence, capture time; 0 = never",
    parse: parseSeconds,
    ofModel: true,
    group: "session",
  },
  activeTimeout: {
    flags: "--active-timeout <seconds>",
    help: "end a session after this duration, capture time; 0 = never",
    parse: parseSeconds,
    ofModel: true,
    group: "session",
  },
  closeTimeout: {
    flags: "--close-timeout <seconds>",
    help: "end a TCP session closed by FIN or RST after this much silence; 0 = as any other",
    parse: parseSeconds,
    ofModel: true,
    group: "session",
  },
  memory: {
    flags: "--memory <size>",
    help: "hard cap on what live sessions hold: 512MiB, 2GiB, 1g, or bytes",
    parse: checked("memoryBytes", (text) => parseBytes(text) ?? Number.NaN),
    group: "reading",
  },
  threads: {
    flags: "--threads <n|auto>",
    help: "threads that read; the result does not depend on it",
    parse: checked("threads", (text) => (text === "auto" ? text : wholeNumber(text))),
    group: "reading",
  },
  merge: {
    flags: "--merge",
    help: "all captures as one stream in order of time, sessions across them",
    group: "reading",
  },
  follow: {
    flags: "--follow",
    help: "wait for more at the end of files that are still written to; Ctrl-C ends the input",
    group: "reading",
  },
  early: {
    flags: "--early [n]",
    help: "a row as soon as a session's image is full, or it has n packets, and not when it ends",
    parse: checked("early", wholeNumber),
    group: "reading",
  },
  inputMethod: {
    flags: "--input-method <method>",
    help: "how files are read; the result does not depend on it",
    choices: INPUT_METHODS,
    group: "reading",
  },
} as const satisfies Readonly<Record<keyof CaptureFlags, Flag>>;

/** What makes images, beside what makes sessions. */
const IMAGE_FLAGS = ["view", "mask", "order", "sequence", "early"] as const satisfies (keyof CaptureFlags)[];
export const ALL_FLAGS = Object.keys(TABLE) as (keyof CaptureFlags)[];
/** For commands that make datasets: of whole sessions. */
export const DATASET_FLAGS = ALL_FLAGS.filter((name) => name !== "early");
/** For commands that count sessions and make no images. */
export const SESSION_FLAGS = ALL_FLAGS.filter((name) => !IMAGE_FLAGS.includes(name as never));

/** Adds options to a command. `fromModel`: a model knows most of them, and they have no defaults. */
export function addCaptureOptions(
  command: Command,
  names: readonly (keyof CaptureFlags)[],
  { fromModel = false } = {},
): Command {
  for (const name of names) {
    const { flags, help, choices, parse, ofModel, group }: Flag = TABLE[name];
    const told = fromModel && ofModel === true;
    const option = new Option(flags, told ? `${help} (default: the model's)` : help);
    option.helpGroup(GROUPS[group]);
    if (choices !== undefined) option.choices(choices);
    if (parse !== undefined) option.argParser(parse);
    if (!told && flags.includes("<")) option.default(...defaultOf(name));
    command.addOption(option);
  }
  return command;
}

/** The value, and how `--help` says it. */
function defaultOf(name: keyof CaptureFlags): [value: unknown, text?: string] {
  if (name === "memory") return [CAPTURE_DEFAULTS.memoryBytes, "512MiB"];
  const value = CAPTURE_DEFAULTS[name];
  return Array.isArray(value) ? [value, value.join()] : [value, String(value)];
}

/** The flags as options of the library; what was not given stays out. */
export function captureOptions({ memory, ...flags }: CaptureFlags): CaptureOptions {
  return { ...flags, ...(memory !== undefined && { memoryBytes: memory }) };
}

function parseSeconds(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError("Expected seconds, 0 or more (0 = unlimited).");
  return value;
}

function wholeNumber(text: string): number {
  return /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
}

/** `all`, `none` and what else stands alone, or a list. */
function listOrWord(text: string): string | string[] {
  const items = text
    .toLowerCase()
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
  return items.length === 1 && ["all", "none"].includes(items[0]!) ? items[0]! : items;
}

/** The library's own check, said as the command line's. */
function checked(name: keyof CaptureOptions, parse: (text: string) => unknown): (text: string) => unknown {
  return (text) => {
    const value = parse(text);
    try {
      resolveCaptureOptions({ [name]: value } as CaptureOptions);
    } catch (error) {
      const expected = /to be (.*) but received/.exec((error as Error).message)?.[1];
      throw new InvalidArgumentError(`Expected ${expected ?? (error as Error).message}.`);
    }
    return value;
  };
}
