// What a user names as input, as the list of capture files to read.
import type { Dirent } from "node:fs";
import { open, readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { glob, isDynamicPattern } from "tinyglobby";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import { systemReason } from "../system-error.ts";

/** Standard input. */
export const STDIN = "-";

// Also the numbered files of `tcpdump -C` (trace.pcap1, trace.pcap2), and compressed ones (trace.pcap1.gz).
const CAPTURE_NAME = /\.(pcap|pcapng|cap|dump|dmp)\d*(\.(gz|zst|xz))?$/i;

/**
 * Whether a folder's file is taken for a capture: .pcap, .pcapng, .cap, .dump, .dmp, also with a number behind and
 * compressed (.gz, .zst, .xz).
 */
export function isCaptureName(name: string): boolean {
  return CAPTURE_NAME.test(name);
}

/**
 * A capture file and where it was found: the folder that was given, or the part of a pattern before its first wildcard;
 * undefined where the file itself was named.
 */
export interface InputCapture {
  readonly path: string;
  readonly root: string | undefined;
}

/** Captures to read, each looked at. */
export interface CaptureList {
  readonly captures: readonly InputCapture[];
  /** Files found in folders or by patterns, that are no captures: left out. */
  readonly warnings: readonly string[];
  /** Inputs that are not there or cannot be read, where `tolerant` was asked for. */
  readonly failures: readonly InputFailure[];
}

/** An input that cannot be read, and why. */
export interface InputFailure {
  readonly path: string;
  readonly error: FlowglyphError;
}

/**
 * Capture files from files, folders, patterns and `-` (standard input), in the order given. A folder stands for the
 * captures in it and below, in code-unit order of their paths; files named one by one are taken whatever they are called.
 * A pattern (`captures/**\/*.pcap*`; `*`, `?`, `[...]`, `{a,b}`, `**`) stands for the files that it matches, in the same
 * order, files and folders whose names begin with a dot left out; a path that exists is never taken for a pattern.
 * ERR_IO for what is not there or cannot be read, for folders without a capture and patterns without a match,
 * ERR_ARGUMENT for no input at all.
 */
export async function expandInputs(inputs: string | readonly string[]): Promise<string[]> {
  return (await findInputs(inputs)).map(({ path }) => path);
}

/**
 * As `expandInputs`, and looks at the first bytes of each file, so that hours of reading do not end at a file that is no
 * capture. In a folder or among a pattern's matches such a file (the empty one that a killed tcpdump leaves, mostly) is
 * left out with a warning; one that was named itself is refused. Of a compressed file only the compression is recognised. Pipes and standard input are not touched.
 * Also throws ERR_CAPTURE_FORMAT. `tolerant`: what is refused is a failure in the answer, if other captures are left.
 */
export async function listCaptures(
  inputs: string | readonly string[],
  { tolerant = false } = {},
): Promise<CaptureList> {
  const failures: InputFailure[] = [];
  const trying = async <T>(path: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!tolerant || !(error instanceof FlowglyphError) || error.code === "ERR_ARGUMENT") throw error;
      failures.push({ path, error });
      return undefined;
    }
  };
  const found = await findInputs(inputs, trying);
  const captures: InputCapture[] = [];
  const warnings: string[] = [];
  for (const input of found) {
    await trying(input.path, async () => {
      const received = input.path === STDIN ? undefined : await foreignStart(input.path);
      if (received === undefined) captures.push(input);
      else if (input.root !== undefined) warnings.push(`${input.path}: left out: ${notACapture(received)}`);
      else throw new FlowglyphError("ERR_CAPTURE_FORMAT", `${input.path}: ${notACapture(received)}`);
    });
  }
  if (captures.length === 0 && failures[0] !== undefined) throw failures[0].error;
  if (captures.length === 0) {
    const others = warnings.length > 1 ? `, and ${warnings.length - 1} more files` : "";
    throw new FlowglyphError("ERR_CAPTURE_FORMAT", `Expected captures but ${warnings[0]}${others}`);
  }
  return { captures, warnings, failures };
}

/** Does `work` for `path`; undefined where that failed and others are to be gone on with. */
type Trying = <T>(path: string, work: () => Promise<T>) => Promise<T | undefined>;
const failing: Trying = (_path, work) => work();

async function findInputs(
  inputs: string | readonly string[],
  trying: Trying = failing,
): Promise<InputCapture[]> {
  const given = typeof inputs === "string" ? [inputs] : inputs;
  if (
    !Array.isArray(given) ||
    given.length === 0 ||
    given.some((path) => typeof path !== "string" || path === "")
  ) {
    throw invalidArgument("captures", "one or more paths", inputs);
  }
  if (given.filter((path) => path === STDIN).length > 1) {
    throw invalidArgument("captures", `paths with "${STDIN}" (standard input) at most once`, given.join(" "));
  }
  const files: InputCapture[] = [];
  for (const path of given) files.push(...((await trying(path, () => capturesOf(path, trying))) ?? []));
  return files;
}

/** The captures that one input stands for. */
async function capturesOf(path: string, trying: Trying): Promise<InputCapture[]> {
  const matches = await capturesLike(path);
  if (matches !== undefined) return matches;
  const info = path === STDIN ? undefined : await reading(path, stat(path));
  if (!info?.isDirectory()) return [{ path, root: undefined }];
  const found = await capturesBelow(path, new Set(), trying);
  if (found.length === 0) {
    throw new FlowglyphError(
      "ERR_IO",
      `Expected captures (.pcap, .pcapng, .cap, .dump, .dmp, also .gz, .zst, .xz) in the folder ${path} but found none`,
    );
  }
  return found.map((file) => ({ path: file, root: path }));
}

// How what native/core reads begins: classic pcap in both byte orders, with its header of 24 bytes: microseconds,
// nanoseconds, Kuznetzov's, IXIA's two; pcapng with a section header block, whose byte-order magic is at offset 8.
const PCAP_MAGICS = ["a1b2c3d4", "a1b23c4d", "a1b2cd34", "1c0001ac", "1c0001ab"].flatMap((magic) => [
  magic,
  Buffer.from(magic, "hex").reverse().toString("hex"),
]);
const PCAPNG_START = /^0a0d0d0a.{8}(1a2b3c4d|4d3c2b1a)/;
const HEADER_BYTES = 24;
// gzip, zstd (a frame, or a skippable one before it), xz: what is inside is seen when it is read.
const DECOMPRESSED_START = /^(1f8b08|28b52ffd|5.2a4d18|fd377a585a00)/;
const FOREIGN_COMPRESSION: readonly (readonly [start: string, name: string])[] = [
  ["425a68", "bzip2; bunzip2 it first"],
  ["04224d18", "lz4; unlz4 it first"],
  ["504b0304", "zip; unzip it first"],
  ["377abcaf271c", "7z; 7z x it first"],
  ["1f9d", "compress; uncompress it first"],
];

const notACapture = (received: string): string =>
  `expected a pcap (magic a1b2c3d4, a1b23c4d) or pcapng (0a0d0d0a) capture, received ${received}`;

/** What a file begins with instead of a capture's header; undefined for captures and for what is no regular file. */
async function foreignStart(path: string): Promise<string | undefined> {
  if (!(await reading(path, stat(path))).isFile()) return undefined;
  const file = await reading(path, open(path, "r"));
  try {
    const { buffer, bytesRead } = await reading(
      path,
      file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0),
    );
    const start = buffer.toString("hex", 0, bytesRead);
    if (bytesRead === HEADER_BYTES && PCAP_MAGICS.includes(start.slice(0, 8))) return undefined;
    if (PCAPNG_START.test(start) || DECOMPRESSED_START.test(start)) return undefined;
    if (bytesRead === 0) return "an empty file";
    const compressed = FOREIGN_COMPRESSION.find(([magic]) => start.startsWith(magic));
    const notes = [
      ...(compressed === undefined ? [] : [` (${compressed[1]})`]),
      ...(bytesRead < HEADER_BYTES ? [` (${bytesRead} bytes in all)`] : []),
    ];
    return start.slice(0, 16).replace(/..(?=.)/g, "$& ") + notes.join("");
  } finally {
    await file.close();
  }
}

/** The files that a pattern matches; undefined for what exists and for what is no pattern. */
async function capturesLike(path: string): Promise<InputCapture[] | undefined> {
  if (path === STDIN || !isDynamicPattern(path)) return undefined;
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  if (exists) return undefined;
  const [root, pattern] = splitPattern(path);
  // Links to folders are not gone into: a pattern may not meet a file twice.
  const found = await reading(
    path,
    glob(pattern, { cwd: root, onlyFiles: true, expandDirectories: false, followSymbolicLinks: false }),
  );
  if (found.length === 0) {
    throw new FlowglyphError("ERR_IO", `Expected the pattern ${path} to match files but it matches none`);
  }
  return found.sort().map((file) => ({ path: join(root, file), root }));
}

/** The folders before the first wildcard, and the rest. */
function splitPattern(path: string): [root: string, pattern: string] {
  const parts = path.split("/");
  const first = parts.findIndex((part) => isDynamicPattern(part));
  return [
    parts.slice(0, first).join("/") || (path.startsWith("/") ? "/" : "."),
    parts.slice(first).join("/"),
  ];
}

async function capturesBelow(folder: string, seen: Set<string>, trying: Trying): Promise<string[]> {
  // A link may lead back up: each folder once.
  const real = await reading(folder, realpath(folder));
  if (seen.has(real)) return [];
  seen.add(real);
  const entries = await trying(folder, () => reading(folder, readdir(folder, { withFileTypes: true })));
  if (entries === undefined) return [];
  entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const files: string[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    const kind = await kindOf(entry, path);
    if (kind === "folder") files.push(...(await capturesBelow(path, seen, trying)));
    else if (kind === "file" && isCaptureName(entry.name)) files.push(path);
  }
  return files;
}

async function kindOf(entry: Dirent, path: string): Promise<"file" | "folder" | "other"> {
  // A link to nowhere is no capture.
  const info = entry.isSymbolicLink() ? await stat(path).catch(() => undefined) : entry;
  return info?.isDirectory() ? "folder" : info?.isFile() ? "file" : "other";
}

async function reading<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw new FlowglyphError("ERR_IO", `Cannot read ${path}: ${systemReason(cause)}`, { cause });
  }
}
