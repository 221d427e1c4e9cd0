// What a user names as input, as the list of capture files to read.
import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";

/** Standard input. */
export const STDIN = "-";

// Also the numbered files of `tcpdump -C` (trace.pcap1, trace.pcap2).
const CAPTURE_NAME = /\.(pcap|pcapng|cap|dump|dmp)\d*$/i;

/** Whether a folder's file is taken for a capture: .pcap, .pcapng, .cap, .dump, .dmp, also with a number behind. */
export function isCaptureName(name: string): boolean {
  return CAPTURE_NAME.test(name);
}

/**
 * Capture files from files, folders and `-` (standard input), in the order given. A folder stands for the captures in
 * it and below, in code-unit order of their paths; files named one by one are taken whatever they are called.
 * ERR_IO for what is not there or cannot be read and for folders without a capture, ERR_ARGUMENT for no input at all.
 */
export async function expandInputs(inputs: string | readonly string[]): Promise<string[]> {
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
  const files: string[] = [];
  for (const path of given) {
    if (path === STDIN) {
      files.push(path);
      continue;
    }
    const info = await reading(path, stat(path));
    if (!info.isDirectory()) {
      files.push(path);
      continue;
    }
    const found = await capturesBelow(path, new Set());
    if (found.length === 0) {
      throw new FlowglyphError(
        "ERR_IO",
        `Expected captures (.pcap, .pcapng, .cap, .dump, .dmp) in the folder ${path} but found none`,
      );
    }
    files.push(...found);
  }
  return files;
}

async function capturesBelow(folder: string, seen: Set<string>): Promise<string[]> {
  // A link may lead back up: each folder once.
  const real = await reading(folder, realpath(folder));
  if (seen.has(real)) return [];
  seen.add(real);
  const entries = await reading(folder, readdir(folder, { withFileTypes: true }));
  entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const files: string[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    const kind = await kindOf(entry, path);
    if (kind === "folder") files.push(...(await capturesBelow(path, seen)));
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
    const { code, message } = cause as NodeJS.ErrnoException;
    const why =
      code === "ENOENT" ? "no such file or folder" : code === "EACCES" ? "permission denied" : message;
    throw new FlowglyphError("ERR_IO", `Cannot read ${path}: ${why}`, { cause });
  }
}
