import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { convertDataset, isDatasetFolder, openDataset } from "../../src/dataset/index.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { writeIdxFixture } from "./convert-fixture.ts";

test("IDX to Arrow and back keeps rows, labels, the given test part, and gains what is declared", async () => {
  const [idx, arrow, back] = [tempFolder(), join(tempFolder(), "arrow"), join(tempFolder(), "idx")];
  writeIdxFixture(idx, { train: 5, t10k: 3 });
  const before = await openDataset(idx);
  expect(before.manifest).toMatchObject({ view: "unknown", mask: "unknown", order: "capture" });

  const manifest = await convertDataset(idx, { out: arrow, view: "pcap", mask: "none" });
  expect(manifest).toMatchObject({ view: "pcap", mask: "none", images: 8 });
  const after = await openDataset(arrow);
  expect(after.manifest).toMatchObject({ view: "pcap", mask: "none" });
  expect(Buffer.from(after.images).equals(Buffer.from(before.images))).toBe(true);
  expect([...after.labels]).toEqual([...before.labels]);
  expect([...after.testRows!]).toEqual([5, 6, 7]);

  await convertDataset(arrow, { out: back, format: "idx" });
  for (const name of ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]) {
    expect(gunzipSync(readFileSync(join(back, `${name}.gz`))).equals(readFileSync(join(idx, name)))).toBe(
      true,
    );
  }
  expect((await openDataset(back)).manifest).toMatchObject({ view: "pcap", mask: "none" });
});

test("a view that contradicts the dataset, and the dataset's own folder as output, are refused", async () => {
  const [idx, arrow] = [tempFolder(), join(tempFolder(), "arrow")];
  writeIdxFixture(idx, { train: 2, t10k: 1 });
  await convertDataset(idx, { out: arrow, view: "l7" });
  await expect(convertDataset(arrow, { out: join(tempFolder(), "x"), view: "l3" })).rejects.toMatchObject({
    code: "ERR_ARGUMENT",
    message: expect.stringContaining("view l7"),
  });
  const stream = { out: join(tempFolder(), "x"), order: "stream" } as const;
  await expect(convertDataset(arrow, stream)).rejects.toThrow("Expected order capture, which the dataset's");
  expect((await openDataset(arrow)).manifest).toMatchObject({ order: "capture", decap: "unknown" });
  await expect(convertDataset(arrow, { out: arrow })).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
});

test("a dataset folder is told from a folder of captures by its files", async () => {
  const idx = tempFolder();
  writeIdxFixture(idx, { train: 1, t10k: 1 });
  expect(await isDatasetFolder(idx)).toBe(true);
  expect(await isDatasetFolder(tempFolder())).toBe(false);
  expect(await isDatasetFolder("does-not-exist")).toBe(false);
});
