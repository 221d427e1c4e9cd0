import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeFolder } from "../src/output-path.ts";
import { tempFolder } from "./support/temp-folder.ts";

test("a folder is made with those above it, and undone as far as it was made here and is empty", async () => {
  const root = tempFolder();
  mkdirSync(join(root, "a"));
  const undo = await makeFolder(join(root, "a", "b", "c"));
  expect(existsSync(join(root, "a", "b", "c"))).toBe(true);
  await undo();
  expect(readdirSync(join(root, "a"))).toEqual([]);

  const undoFull = await makeFolder(join(root, "a", "b", "c"));
  writeFileSync(join(root, "a", "b", "result"), "precious");
  await undoFull();
  expect(readdirSync(join(root, "a", "b"))).toEqual(["result"]);
});

test("a folder that is there stays", async () => {
  const root = tempFolder();
  await (await makeFolder(root))();
  expect(existsSync(root)).toBe(true);
});

test("what cannot be a folder is ERR_IO", async () => {
  const file = join(tempFolder(), "file");
  writeFileSync(file, "");
  for (const path of [file, join(file, "below")]) {
    await expect(makeFolder(path)).rejects.toMatchObject({
      code: "ERR_IO",
      message: expect.stringContaining(`Cannot write to the folder ${path}: `),
    });
  }
});

test.skipIf(!existsSync("/proc/self"))("a folder that takes no entries is refused at once", async () => {
  await expect(makeFolder("/proc/flowglyph/run")).rejects.toMatchObject({ code: "ERR_IO" });
});
