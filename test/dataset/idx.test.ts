import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readIdxFolder, writeIdxFolder } from "../../src/dataset/idx.ts";
import { openDataset } from "../../src/dataset/open.ts";
import { makeSplit } from "../../src/dataset/split.ts";
import { IMAGE_BYTES } from "../../src/dataset/types.ts";
import { fixture, repeated } from "./fixtures.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "flowglyph-idx-"));
});
afterEach(() => rm(folder, { recursive: true }));

function idxImages(
  count: number,
  options: { magic?: number; rows?: number; body?: number; claim?: number } = {},
): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32BE(options.magic ?? 0x803, 0);
  header.writeUInt32BE(options.claim ?? count, 4);
  header.writeUInt32BE(options.rows ?? 28, 8);
  header.writeUInt32BE(28, 12);
  const body = Buffer.alloc(options.body ?? count * IMAGE_BYTES);
  for (let i = 0; i < body.length; i++) body[i] = (i * 31) & 255;
  return Buffer.concat([header, body]);
}

function idxLabels(labels: number[]): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(0x801, 0);
  header.writeUInt32BE(labels.length, 4);
  return Buffer.concat([header, Buffer.from(labels)]);
}

async function writePart(part: string, labels: number[], gz: boolean): Promise<void> {
  const [pack, suffix] = gz ? [gzipSync, ".gz"] : [(bytes: Buffer) => bytes, ""];
  await writeFile(join(folder, `${part}-images-idx3-ubyte${suffix}`), pack(idxImages(labels.length)));
  await writeFile(join(folder, `${part}-labels-idx1-ubyte${suffix}`), pack(idxLabels(labels)));
}

describe("reading a folder of IDX files", () => {
  it.each([true, false])("reads train and t10k, gzipped: %s", async (gz) => {
    await writePart("train", [2, 0, 1], gz);
    await writePart("t10k", [1, 1], gz);
    const dataset = await openDataset(folder);
    expect(dataset.count).toBe(5);
    expect([...dataset.labels]).toEqual([2, 0, 1, 1, 1]);
    expect([...dataset.testRows!]).toEqual([3, 4]);
    expect(dataset.classes).toEqual(["0", "1", "2"]);
    expect(dataset.manifest.counts).toEqual({ "0": 1, "1": 3, "2": 1 });
    expect(dataset.manifest.view).toBe("unknown");
    const body = (count: number): Uint8Array => idxImages(count).subarray(16);
    expect(Buffer.compare(dataset.images, Buffer.concat([body(3), body(2)]))).toBe(0);
  });

  it("reads a folder with only a training part, or only a test part", async () => {
    await writePart("train", [0, 1], true);
    expect((await readIdxFolder(folder)).testRows).toBeUndefined();
    for (const name of await readdir(folder)) await rm(join(folder, name));
    await writePart("t10k", [0, 1], true);
    expect([...(await readIdxFolder(folder)).testRows!]).toEqual([0, 1]);
  });

  it("takes class names from classes.json or classes.txt", async () => {
    await writePart("train", [0, 1], false);
    await writeFile(join(folder, "classes.txt"), "Chat\r\nEmail\nVoip\n");
    expect((await readIdxFolder(folder)).classes).toEqual(["Chat", "Email", "Voip"]);
    await writeFile(join(folder, "classes.json"), '["a", "b"]');
    expect((await readIdxFolder(folder)).classes).toEqual(["a", "b"]);
    await writeFile(join(folder, "classes.json"), '["a"]');
    await expect(readIdxFolder(folder)).rejects.toThrow(/expected labels below 1 .* received 1/);
    await writeFile(join(folder, "classes.json"), '["a", "a"]');
    await expect(readIdxFolder(folder)).rejects.toThrow(/classes.json: expected distinct class names/);
  });
});

describe("refusing damaged IDX files", () => {
  const cases: [string, string, Buffer, RegExp][] = [
    [
      "wrong magic",
      "",
      idxImages(2, { magic: 0x804 }),
      /train-images-idx3-ubyte: expected IDX magic 0x00000803 \(images\) but received 0x00000804/,
    ],
    ["wrong dimensions", "", idxImages(2, { rows: 32 }), /expected images of 28 x 28 but received 32 x 28/],
    ["an empty file", "", Buffer.alloc(0), /expected an IDX header of 16 bytes but the file holds 0/],
    [
      "too few bytes",
      "",
      idxImages(2, { body: 1000 }),
      /expected 1584 bytes for 2 images but the file holds 1016/,
    ],
    [
      "too few bytes, gzipped",
      ".gz",
      gzipSync(idxImages(2, { body: 1000 })),
      /expected 1568 bytes of images after the header but received 1000: it ends early/,
    ],
    ["too many bytes, gzipped", ".gz", gzipSync(idxImages(2, { body: 2000 })), /the file holds more/],
    [
      "a gzip file cut in the middle",
      ".gz",
      gzipSync(idxImages(2)).subarray(0, 200),
      /expected a whole gzip file but it ends early/,
    ],
    [
      "a count beyond memory",
      ".gz",
      gzipSync(idxImages(2, { claim: 0xffffffff })),
      /announces 4294967295 images, more than \d+ gzipped bytes can hold/,
    ],
  ];
  it.each(cases)("%s", async (_, suffix, bytes, message) => {
    await writeFile(join(folder, `train-images-idx3-ubyte${suffix}`), bytes);
    await writeFile(join(folder, "train-labels-idx1-ubyte"), idxLabels([0, 1]));
    await expect(readIdxFolder(folder)).rejects.toThrow(message);
    await expect(readIdxFolder(folder)).rejects.toMatchObject({ code: "ERR_DATASET_FORMAT" });
  });

  it("a gzip file with a damaged check sum", async () => {
    const bytes = gzipSync(idxImages(2));
    bytes[bytes.length - 6]! ^= 0xff;
    await writeFile(join(folder, "train-images-idx3-ubyte.gz"), bytes);
    await writeFile(join(folder, "train-labels-idx1-ubyte"), idxLabels([0, 1]));
    await expect(readIdxFolder(folder)).rejects.toThrow(/expected a gzip file but it is damaged/);
  });

  it("another number of labels than images", async () => {
    await writeFile(join(folder, "train-images-idx3-ubyte"), idxImages(2));
    await writeFile(join(folder, "train-labels-idx1-ubyte"), idxLabels([0, 1, 2]));
    await expect(readIdxFolder(folder)).rejects.toThrow(
      /train-labels-idx1-ubyte: expected 2 labels, one for each image of train-images-idx3-ubyte, but received 3/,
    );
  });

  it("images without labels", async () => {
    await writeFile(join(folder, "t10k-images-idx3-ubyte"), idxImages(2));
    await expect(readIdxFolder(folder)).rejects.toThrow(
      /expected t10k-labels-idx1-ubyte .* but it is missing/,
    );
  });
});

describe("openDataset", () => {
  it("says what it expected", async () => {
    await expect(openDataset(join(folder, "none"))).rejects.toMatchObject({ code: "ERR_IO" });
    await expect(openDataset(folder)).rejects.toThrow(/expected a dataset .* but the folder holds nothing/);
    await writeFile(join(folder, "a.txt"), "");
    await expect(openDataset(folder)).rejects.toThrow(/the folder holds a.txt/);
    await expect(openDataset(join(folder, "a.txt"))).rejects.toThrow(
      /expected the folder of a dataset but it is a file/,
    );
  });
});

describe("writing a folder of IDX files", () => {
  it.each([true, false])("gives the same rows back, gzipped: %s", async (gzip) => {
    const dataset = fixture({ labels: repeated([0, 2], [1, 3], [-1, 2], [0, 1], [1, 1]), testRows: [7, 8] });
    await writeIdxFolder(dataset, folder, { gzip });
    const back = await openDataset(folder);
    expect([...back.labels]).toEqual([0, 0, 1, 1, 1, -1, -1, 0, 1]);
    expect(back.classes).toEqual(["class0", "class1"]);
    expect([...back.testRows!]).toEqual([7, 8]);
    expect(back.manifest.source).toBe("fixture");
    expect(back.manifest.unlabelled).toBe(2);
    expect(Buffer.compare(back.images, dataset.images)).toBe(0);
    const raw = await readFile(join(folder, `train-images-idx3-ubyte${gzip ? ".gz" : ""}`));
    const plain = gzip ? gunzipSync(raw) : raw;
    expect(plain.subarray(0, 16).toString("hex")).toBe("00000803000000050000001c0000001c");
  });

  it("refuses more classes than a byte holds", async () => {
    const dataset = fixture({ labels: [0, 1], classes: Array.from({ length: 257 }, (_, i) => `c${i}`) });
    await expect(writeIdxFolder(dataset, folder)).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
  });
});

const data = process.env.FLOWGLYPH_DATA ?? join(import.meta.dirname, "../../../shared/data");
const published = join(data, "iscx12/SessionAllLayers");
describe.skipIf(!existsSync(published))("published images", () => {
  it("opens iscx12/SessionAllLayers: 35,501 + 1,972 images, 12 classes", async () => {
    const dataset = await openDataset(published);
    expect([dataset.count, dataset.testRows?.length, dataset.classes.length]).toEqual([37_473, 1_972, 12]);
    // Every image of view pcap starts with the file header that DESIGN section 5 gives.
    expect(Buffer.from(dataset.images.subarray(0, 4)).toString("hex")).toBe("a1b2c3d4");
  });
  it.skipIf(!existsSync(join(data, "ustc20/SessionL7")))(
    "counts ustc20/SessionL7's leaked test images: 9 %",
    async () => {
      const dataset = await openDataset(join(data, "ustc20/SessionL7"));
      const split = makeSplit(dataset, { labels: "10%" });
      expect([split.test.length, split.leakedTestImages]).toEqual([6_661, 614]);
    },
  );
});
