import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { expandInputs, inspect, listCaptures, sessions } from "../../src/capture/index.ts";
import { pcapFile } from "../support/pcap-builder.ts";
import { tempFile, tempFolder } from "../support/temp-folder.ts";

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

test("a folder's compressed captures are found as well", async () => {
  const names = ["a.pcap.gz", "b.pcapng.zst", "c.cap.xz", "d.pcap7.gz"];
  const folder = folderOf(...names, "notes.gz", "e.pcap.bz2", "f.pcap.gz.txt");
  expect((await expandInputs(folder)).map((path) => relative(folder, path))).toEqual(names);
});

test("a pattern stands for the files that it matches, in a fixed order, and tells where it began", async () => {
  const folder = folderOf("x/b.pcap", "x/y/a.pcapng", "x/y/B.cap", "x/c.pcap.gz", "x/.hidden.pcap", "z.pcap");
  const found = async (pattern: string) =>
    (await expandInputs(join(folder, pattern))).map((path) => relative(folder, path));
  expect(await found("**/*.pcap*")).toEqual(["x/b.pcap", "x/c.pcap.gz", "x/y/a.pcapng", "z.pcap"]);
  expect(await found("x/*.{pcap,cap}")).toEqual(["x/b.pcap"]);
  expect(await found("?/y/[a-z].pcapng")).toEqual(["x/y/a.pcapng"]);
  for (const path of ["x/b.pcap", "x/c.pcap.gz"])
    writeFileSync(join(folder, path), path.endsWith("gz") ? gzipSync(pcapFile([])) : pcapFile([]));
  const { captures, warnings } = await listCaptures([join(folder, "x/*.pcap*")]);
  expect(captures).toEqual([
    { path: join(folder, "x/b.pcap"), root: join(folder, "x") },
    { path: join(folder, "x/c.pcap.gz"), root: join(folder, "x") },
  ]);
  expect(warnings).toEqual([]);
  expect((await listCaptures(join(folder, "**/*.pcap*"))).warnings).toHaveLength(2);
});

test("a path that exists is no pattern", async () => {
  const folder = folderOf("a[1].pcap", "a1.pcap", "{b}/x.pcap", "*.pcap");
  expect(await expandInputs(join(folder, "a[1].pcap"))).toEqual([join(folder, "a[1].pcap")]);
  expect(await expandInputs(join(folder, "{b}"))).toEqual([join(folder, "{b}/x.pcap")]);
  expect(await expandInputs(join(folder, "*.pcap"))).toEqual([join(folder, "*.pcap")]);
});

test("a pattern without a match is ERR_IO with the pattern", async () => {
  const pattern = join(folderOf("a.pcap"), "**/*.pcapng");
  await expect(expandInputs([pattern])).rejects.toMatchObject({
    code: "ERR_IO",
    message: `Expected the pattern ${pattern} to match files but it matches none`,
  });
});

test("a compressed capture is read as the plain one", async () => {
  const plain = pcapFile([]);
  const path = tempFile("x.bin", gzipSync(plain));
  expect(await inspect(path)).toMatchObject({ packets: 0, warnings: [] });
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

test("in a folder, files that are no captures are left out with a warning each", async () => {
  const folder = folderOf("empty.pcap", "text.cap");
  writeFileSync(join(folder, "text.cap"), "hello world");
  writeFileSync(join(folder, "good.pcap"), pcapFile([]));
  const { captures, warnings } = await listCaptures(folder);
  expect(captures).toEqual([{ path: join(folder, "good.pcap"), root: folder }]);
  const expected =
    "left out: expected a pcap (magic a1b2c3d4, a1b23c4d) or pcapng (0a0d0d0a) capture, received";
  expect(warnings).toEqual([
    `${join(folder, "empty.pcap")}: ${expected} an empty file`,
    `${join(folder, "text.cap")}: ${expected} 68 65 6c 6c 6f 20 77 6f (11 bytes in all)`,
  ]);
  expect(await inspect(folder)).toMatchObject({ packets: 0, warnings, files: [{ packets: 0 }] });
});

test("a named file that is no capture is refused, and a folder with nothing else", async () => {
  const folder = folderOf("empty.pcap", "second.pcap");
  const good = tempFile("good.pcap", pcapFile([]));
  for (const inputs of [[good, join(folder, "empty.pcap")], folder]) {
    await expect(listCaptures(inputs)).rejects.toMatchObject({
      code: "ERR_CAPTURE_FORMAT",
      message: expect.stringContaining(`${join(folder, "empty.pcap")}:`),
    });
  }
});

test("standard input is not looked at", async () => {
  expect((await listCaptures("-")).captures).toEqual([{ path: "-", root: undefined }]);
});

const shb = (order: string) => `0a0d0d0a1c000000${order}01000000ffffffffffffffff1c000000`;
const header = (magic: string) => `${magic}0200040000000000000000000000040001000000`;
test.each([
  ["microseconds, little-endian", header("d4c3b2a1")],
  ["microseconds, big-endian", header("a1b2c3d4")],
  ["nanoseconds, little-endian", header("4d3cb2a1")],
  ["nanoseconds, big-endian", header("a1b23c4d")],
  ["pcapng, little-endian", shb("4d3c2b1a")],
  ["pcapng, cut in its first block", shb("4d3c2b1a").slice(0, 32)],
  ["pcapng of no byte order", shb("00000000")],
  ["a cut pcap header", header("d4c3b2a1").slice(0, 46)],
  ["a cut pcapng start", shb("4d3c2b1a").slice(0, 20)],
  ["gzip", gzipSync(pcapFile([])).toString("hex")],
  ["Kuznetzov's, little-endian", header("34cdb2a1")],
  ["Kuznetzov's, big-endian", header("a1b2cd34")],
  ["IXIA hardware, little-endian", `${header("ac01001c")}00000000`],
  ["IXIA software, big-endian", `${header("1c0001ab")}00000000`],
  ["a reserved magic", header("a12b3c4d")],
  ["bzip2", "425a68393141592653590000000000000000000000000000"],
  ["lz4", "04224d186440a7000000000000000000000000000000000000"],
  ["one byte", "d4"],
  ["nothing", ""],
])("a look at the first bytes says what reading says: %s", async (_, hex) => {
  const path = tempFile("x.pcap", Buffer.from(hex, "hex"));
  const read = sessions(path)
    .next()
    .then(
      () => "read",
      (error: { code: string }) => error.code,
    );
  const seen = listCaptures(path).then(
    () => "read",
    (error: { code: string }) => error.code,
  );
  expect(await seen).toBe(await read);
});
