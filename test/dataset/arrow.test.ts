import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tableFromArrays, tableFromIPC, tableToIPC } from "apache-arrow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readArrowFile, writeArrowFile } from "../../src/dataset/arrow.ts";
import type { BlockedDataset } from "../../src/dataset/blocks.ts";
import { manifestOf } from "../../src/dataset/dataset.ts";
import { writeManifest } from "../../src/dataset/manifest.ts";
import { openDataset } from "../../src/dataset/open.ts";
import { type Dataset, IMAGE_BYTES } from "../../src/dataset/types.ts";
import { fixture, repeated } from "./fixtures.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "flowglyph-arrow-"));
  path = join(folder, "sessions.arrow");
});
afterEach(() => rm(folder, { recursive: true }));

const small = (sequence?: number): Dataset =>
  fixture({
    ...(sequence !== undefined && { sequence }),
    labels: [...repeated([0, 5], [-1, 3], [1, 4], [-1, 1])],
    groups: repeated([0, 6], [2, 7]),
    classes: ["Chat", "Ünïcode — 聊天"],
    testRows: [2, 9],
  });

// As text: vitest's own comparison of large arrays takes seconds.
const asText = (value: unknown): string =>
  JSON.stringify(value, (_, field: unknown) => {
    if (ArrayBuffer.isView(field)) {
      const bytes = Buffer.from(field.buffer, field.byteOffset, field.byteLength);
      return `${field.constructor.name} ${bytes.toString("base64")}`;
    }
    return field;
  });

function expectSame(back: Omit<Dataset, "manifest">, dataset: Dataset): void {
  const fieldsOf = (of: Omit<Dataset, "manifest">): Record<string, unknown> => ({ ...of, ...of.columns });
  const [received, expected] = [fieldsOf(back), fieldsOf(dataset)];
  for (const [name, value] of Object.entries(expected)) {
    if (name === "manifest" || name === "columns") continue;
    expect(asText(received[name]) === asText(value), `${name} of ${dataset.count} rows`).toBe(true);
  }
}

describe("sessions.arrow", () => {
  it("keeps rows, labels, captures and session columns", async () => {
    const dataset = small();
    await writeArrowFile(path, dataset);
    expectSame(await readArrowFile(path), dataset);
  });

  it("keeps sequences, each row a list of fixed length, also over several record batches", async () => {
    for (const dataset of [small(1), small(20), fixture({ labels: repeated([0, 17_000]), sequence: 3 })]) {
      await writeArrowFile(path, dataset);
      expectSame(await readArrowFile(path), dataset);
    }
    const table = tableFromIPC(await readFile(path));
    const types = Object.fromEntries(table.schema.fields.map(({ name, type }) => [name, String(type)]));
    expect(types.sequence_length).toBe("FixedSizeList[3]<Uint16>");
    expect(types.sequence_gap_ns).toBe("FixedSizeList[3]<Int64>");
    expect([...(table.getChild("sequence_direction")!.get(1) as Iterable<number>)]).toEqual([1, 0, 1]);
  });

  it("opens a file of a version that had fewer columns, but for those that every version had", async () => {
    const { columns, ...rest } = small();
    const { retransmissions: _, gaps: __, tunnelDepth: ___, ...fewer } = columns!;
    await writeArrowFile(path, { ...rest, columns: fewer });
    const back = await readArrowFile(path);
    expectSame(back, { ...rest, columns: fewer });
    expect(back.columns).not.toHaveProperty("retransmissions");
    expect(back.columns!.gaps).toBeUndefined();
    const { protocol: ____, ...damaged } = columns!;
    await writeArrowFile(path, { ...rest, columns: damaged as never });
    await expect(readArrowFile(path)).rejects.toThrow(/it has no column protocol/);
  });

  it("leaves out what is not known", async () => {
    const dataset: Dataset = {
      ...small(),
      groups: undefined,
      groupNames: [],
      columns: undefined,
      testRows: undefined,
    };
    await writeArrowFile(path, dataset);
    expectSame(await readArrowFile(path), dataset);
    expect(tableFromIPC(await readFile(path)).schema.fields.map(({ name }) => name)).toEqual([
      "image",
      "label",
    ]);
  });

  it("keeps a dataset without rows or without classes", async () => {
    for (const dataset of [
      fixture({ labels: [], classes: ["a"] }),
      fixture({ labels: [-1, -1], classes: [] }),
    ]) {
      await writeArrowFile(path, dataset);
      expectSame(await readArrowFile(path), dataset);
    }
  });

  it("moves the images of several record batches together within the file's bytes", async () => {
    const count = 40_000; // three record batches
    const dataset = fixture({
      labels: Array.from({ length: count }, (_, i) => (i % 7) - 1),
      groups: repeated([0, count]),
    });
    await writeArrowFile(path, dataset);
    const table = tableFromIPC(await readFile(path));
    expect(table.batches.map(({ numRows }) => numRows)).toEqual([16_384, 16_384, 7_232]);
    const back = await readArrowFile(path);
    expectSame(back, dataset);
    expect(back.images.buffer.byteLength).toBe((await readFile(path)).length);
  });

  it("writes images that lie in blocks", async () => {
    const { images, ...rest } = small();
    const blocked: BlockedDataset = {
      ...rest,
      blockRows: 5,
      blocks: [0, 5, 10].map((row) => images.subarray(row * IMAGE_BYTES, (row + 5) * IMAGE_BYTES)),
    };
    await writeArrowFile(path, blocked);
    expectSame(await readArrowFile(path), { ...rest, images });
  });

  it("stores nanoseconds since the epoch, in UTC, and 64-bit byte counts", async () => {
    await writeArrowFile(path, small());
    const table = tableFromIPC(await readFile(path));
    const types = Object.fromEntries(table.schema.fields.map(({ name, type }) => [name, String(type)]));
    expect(types.image).toBe("FixedSizeList[784]<Uint8>");
    expect(types.start_time).toBe("Timestamp<NANOSECOND, UTC>");
    expect(types.initiator_bytes).toBe("Uint64");
    expect(table.getChild("start_time")?.data[0]?.values[0]).toBe(1_700_000_000_000_000_001n);
  });
});

describe("refusing damaged Arrow files", () => {
  it("a file that is cut, empty or something else", async () => {
    await writeArrowFile(path, small());
    const whole = await readFile(path);
    for (const bytes of [
      whole.subarray(0, whole.length - 600),
      whole.subarray(0, 300),
      Buffer.alloc(0),
      Buffer.from("hello world"),
    ]) {
      await writeFile(path, bytes);
      await expect(readArrowFile(path), `${bytes.length} bytes`).rejects.toMatchObject({
        code: "ERR_DATASET_FORMAT",
      });
    }
  });

  it("never crashes or hangs on flipped bytes", { timeout: 120_000 }, async () => {
    await writeArrowFile(path, small(2));
    const whole = await readFile(path);
    let refused = 0;
    // Through the file, metadata of the messages included, and closer through the footer; the images are in the middle.
    const footer = whole.length - 10 - whole.readInt32LE(whole.length - 10);
    const places = Array.from(whole.keys()).filter((at) => at % (at < footer ? 61 : 5) === 0);
    for (const at of places) {
      const bytes = Buffer.from(whole);
      bytes[at] = bytes[at]! ^ 0xff;
      await writeFile(path, bytes);
      try {
        await readArrowFile(path);
      } catch (error) {
        expect(error).toMatchObject({ code: "ERR_DATASET_FORMAT" });
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(0);
  });

  it("a table of something else", async () => {
    await writeFile(path, tableToIPC(tableFromArrays({ label: Int32Array.of(1, 2) }), "file"));
    await expect(readArrowFile(path)).rejects.toThrow(
      /column label is Int32 and not Dictionary<Int32, Utf8>/,
    );
  });
});

describe("a dataset folder", () => {
  it("opens with its manifest and is refused without or with another's", async () => {
    const dataset = small();
    await writeArrowFile(path, dataset);
    await expect(openDataset(folder)).rejects.toThrow(/expected manifest.json beside sessions.arrow/);
    const manifest = manifestOf(dataset);
    await writeManifest(join(folder, "manifest.json"), manifest);
    expect((await openDataset(folder)).manifest).toEqual(manifest);
    expect(manifest.counts).toEqual({ Chat: 5, "Ünïcode — 聊天": 4 });
    await writeManifest(join(folder, "manifest.json"), { ...manifest, images: 99 });
    await expect(openDataset(folder)).rejects.toThrow(/says 99 images but sessions.arrow holds 13/);
    await writeManifest(join(folder, "manifest.json"), { ...manifest, classes: ["Ünïcode — 聊天", "Chat"] });
    await expect(openDataset(folder)).rejects.toThrow(/name different classes/);
  });

  it.each([
    ["{", /expected JSON/],
    ["[]", /expected a JSON object/],
    ['{"format":"other"}', /expected format to be one of flowglyph-dataset but received "other"/],
    ['{"format":"flowglyph-dataset","formatVersion":2}', /expected formatVersion to be 1 .* received 2/],
  ])("refuses the manifest %s", async (text, message) => {
    await writeArrowFile(path, small());
    await writeFile(join(folder, "manifest.json"), text);
    await expect(openDataset(folder)).rejects.toThrow(message);
  });
});
