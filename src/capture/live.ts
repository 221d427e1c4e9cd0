// What can be told of an input before it is read: whether it is live, and how many threads it is worth.
import { fstatSync, type Stats, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { STDIN } from "./inputs.ts";
import type { ResolvedCaptureOptions } from "./options.ts";

const statOf = (path: string): Stats | undefined => {
  try {
    return path === STDIN ? fstatSync(0) : statSync(path);
  } catch {
    return undefined;
  }
};

/** The size of a regular file, standard input from one included; undefined for pipes, terminals and what is not there. */
export function fileSize(path: string): number | undefined {
  const info = statOf(path);
  return info?.isFile() ? info.size : undefined;
}

/**
 * Whether one of the inputs gives its packets as they come: a pipe, a socket, a terminal, or any file where files are
 * followed. Such a reading ends by `finishSignal`.
 */
export function isLive(paths: readonly string[], follow: boolean): boolean {
  return (
    follow ||
    paths.some((path) => {
      const info = statOf(path);
      return info !== undefined && !info.isFile() && !info.isDirectory();
    })
  );
}

// One thread reads as much in some 20 ms: nobody waits for that, and a folder of small captures starts no threads over and
// over.
const SMALL_BYTES = 16 * 2 ** 20;
const MAX_AUTO_THREADS = 4;

/** `options.threads` as a number: see CaptureOptions for what `auto` stands for. */
export function threadsFor(
  paths: readonly string[],
  { threads, follow }: Pick<ResolvedCaptureOptions, "threads" | "follow">,
): number {
  if (threads !== "auto") return threads;
  if (isLive(paths, follow)) return 1;
  const bytes = paths.reduce((sum, path) => sum + (fileSize(path) ?? 0), 0);
  return bytes < SMALL_BYTES ? 1 : Math.min(MAX_AUTO_THREADS, availableParallelism());
}
