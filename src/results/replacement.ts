// A file that appears under its name when it is whole: until then it has another name beside it, and what was there stays.
import { open, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";

export interface Replacement {
  /** Where to write. */
  readonly path: string;
  /** Makes it durable, and gives it its name. It is closed by then. */
  commit(): Promise<void>;
  /** Takes it away; what was under the name stays. */
  discard(): Promise<void>;
}

/** `path.partial` for now. What is no regular file (a pipe, a device) is written to itself; a link's target is replaced. */
export async function replacementFor(path: string): Promise<Replacement> {
  const existing = await stat(path).catch(() => undefined);
  if (existing !== undefined && !existing.isFile()) {
    return { path, commit: async () => {}, discard: async () => {} };
  }
  const target = existing === undefined ? path : await realpath(path);
  const partial = `${target}.partial`;
  return {
    path: partial,
    async commit() {
      await sync(partial, "r+");
      await rename(partial, target);
      // The name is the folder's; some file systems cannot be asked.
      await sync(dirname(target), "r").catch(() => undefined);
    },
    discard: () => rm(partial, { force: true }),
  };
}

async function sync(path: string, flags: string): Promise<void> {
  const file = await open(path, flags);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
