import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import { expandInputs } from "../../src/capture/index.ts";
import { tempFolder } from "../support/temp-folder.ts";

function folderOf(...names: string[]): string {
  const folder = tempFolder();
  for (const name of names) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), "");
  }
  return folder;
}

test("a folder stands for the captures below it, in a fixed order", async () => {
  const folder = folderOf(
    "b/2.pcap",
    "b/10.pcapng",
    "a.cap",
    "B.PCAP",
    "c/x.dump",
    "t.pcap3",
    "notes.txt",
    "b/pcap",
  );
  const found = (await expandInputs(folder)).map((path) => relative(folder, path));
  expect(found).toEqual(["B.PCAP", "a.cap", "b/10.pcapng", "b/2.pcap", "c/x.dump", "t.pcap3"]);
});

test("files are taken as named, in the order given", async () => {
  const folder = folderOf("z.bin", "a.pcap");
  const paths = [join(folder, "z.bin"), "-", join(folder, "a.pcap")];
  expect(await expandInputs(paths)).toEqual(paths);
});

test("a link that leads back up is followed once", async () => {
  const folder = folderOf("a.pcap");
  symlinkSync(folder, join(folder, "loop"));
  symlinkSync(join(folder, "gone"), join(folder, "dead.pcap"));
  expect(await expandInputs(folder)).toEqual([join(folder, "a.pcap")]);
});

test("what is not there is ERR_IO with its path", async () => {
  const missing = join(tempFolder(), "no.pcap");
  await expect(expandInputs([missing])).rejects.toMatchObject({
    code: "ERR_IO",
    message: `Cannot read ${missing}: no such file or folder`,
  });
});

test("a folder without captures is ERR_IO", async () => {
  await expect(expandInputs(folderOf("notes.txt"))).rejects.toMatchObject({ code: "ERR_IO" });
});

test.each([[[]], [""], [["-", "-"]], [undefined as never]])("%j is no input", async (inputs) => {
  await expect(expandInputs(inputs)).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
});
