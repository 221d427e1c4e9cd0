// Whether results can be written where they are asked for, found out before the work and not after it.
import { constants } from "node:fs";
import { access, mkdir, rmdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { FlowglyphError } from "../bindings/errors.ts";
import { systemReason } from "./system-error.ts";

/**
 * Makes a folder and those above it. Resolves to an undo for work that fails: it takes away again what was made here
 * and is empty.
 * mkdir's own `recursive` is not used: in a folder that takes no entries, such as /proc, Node 20 tries for ever.
 * @throws FlowglyphError ERR_IO
 */
export async function makeFolder(path: string): Promise<() => Promise<void>> {
  const made: string[] = [];
  try {
    await makeAll(path, made);
    await access(path, constants.W_OK);
  } catch (cause) {
    throw new FlowglyphError("ERR_IO", `Cannot write to the folder ${path}: ${systemReason(cause)}`, {
      cause,
    });
  }
  return async () => {
    for (const folder of made.reverse()) await rmdir(folder).catch(() => undefined);
  };
}

async function makeAll(path: string, made: string[]): Promise<void> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (info?.isDirectory()) return;
  if (info !== undefined) throw Object.assign(new Error("it is a file"), { code: "" });
  if (dirname(path) !== path) await makeAll(dirname(path), made);
  try {
    await mkdir(path);
    made.push(path);
  } catch (error) {
    // Another process may have been first.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** Refuses the path of a file that could not be written. @throws FlowglyphError ERR_IO */
export async function checkOutputFile(path: string): Promise<void> {
  const folder = dirname(path);
  const refuse = (reason: string, cause?: unknown): FlowglyphError =>
    new FlowglyphError("ERR_IO", `Cannot write ${path}: ${reason}`, { cause });
  const parent = await stat(folder).catch((cause: NodeJS.ErrnoException) => {
    throw refuse(
      cause.code === "ENOENT" ? `the folder ${folder} does not exist; make it first` : systemReason(cause),
      cause,
    );
  });
  if (!parent.isDirectory()) throw refuse(`${folder} is not a folder`);
  const existing = await stat(path).catch(() => undefined);
  if (existing?.isDirectory()) throw refuse("it is a folder; name a file in it");
  await access(existing === undefined ? folder : path, constants.W_OK).catch((cause) => {
    throw refuse(systemReason(cause), cause);
  });
}
