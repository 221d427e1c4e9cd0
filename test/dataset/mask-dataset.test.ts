// Masks on images that exist, beside masks at encoding: the same images, labels and columns, row by row.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { newManifest } from "../../src/dataset/dataset.ts";
import {
  buildDataset,
  convertDataset,
  maskDataset,
  openDataset,
  writeIdxFolder,
} from "../../src/dataset/index.ts";
import type { Dataset } from "../../src/dataset/types.ts";
import { SAMPLES } from "../support/samples.ts";
import { tempFolder } from "../support/temp-folder.ts";

const DATA = process.env.FLOWGLYPH_DATA ?? join(import.meta.dirname, "../../../shared/data");
const FACETIME = join(DATA, "raw/ustc/Facetime.pcap");
const out = (): string => join(tempFolder(), "dataset");

async function encoded(captures: string, options: object): Promise<{ folder: string; dataset: Dataset }> {
  const folder = out();
  await buildDataset(captures, { out: folder, ...options });
  return { folder, dataset: await openDataset(folder) };
}

function expectSame(got: Dataset, wanted: Dataset): void {
  expect(got.count).toBe(wanted.count);
  expect(Buffer.compare(got.images, wanted.images)).toBe(0);
  for (const part of ["labels", "groups", "columns"] as const)
    expect(isDeepStrictEqual(got[part], wanted[part]), part).toBe(true);
  const { duplicatesRemoved, conflictingDuplicates, counts, view, mask } = wanted.manifest;
  expect(got.manifest).toMatchObject({ duplicatesRemoved, conflictingDuplicates, counts, view, mask });
}

describe.each([
  ["pcap", "identity"],
  ["pcap", "stack"],
  ["l3", "identity"],
  ["l3", "stack"],
] as const)("view %s, mask %s", (view, mask) => {
  test("the sample captures: as encoding with the mask, in every row and column", async () => {
    const plain = await encoded(SAMPLES, { view, mask: "none" });
    const wanted = await encoded(SAMPLES, { view, mask });
    expect(wanted.dataset.count).toBeGreaterThan(500);
    const folder = out();
    const manifest = await convertDataset(plain.folder, { out: folder, mask });
    expect(manifest.masking).toMatchObject({ images: { masked: plain.dataset.count }, hidden: {} });
    expectSame(await openDataset(folder), wanted.dataset);
  });

  test.skipIf(!existsSync(FACETIME))("Facetime.pcap: as encoding with the mask", async () => {
    const timeouts = { idleTimeout: 0, activeTimeout: 0 };
    const plain = await encoded(FACETIME, { view, mask: "none", ...timeouts });
    const wanted = await encoded(FACETIME, { view, mask, ...timeouts });
    expectSame(await maskDataset(plain.dataset, mask), wanted.dataset);
  });
});

/** Published IDX files: no manifest of ours, a given test part, and rows of view pcap. */
async function publishedLike(): Promise<{ folder: string; train: number; test: number }> {
  const { dataset } = await encoded(SAMPLES, { view: "pcap", mask: "none" });
  const folder = tempFolder();
  const testRows = Uint32Array.from({ length: dataset.count }, (_, row) => row).filter(
    (row) => row % 5 === 0,
  );
  const manifest = newManifest({});
  await writeIdxFolder({ ...dataset, testRows, manifest }, folder);
  return { folder, train: dataset.count - testRows.length, test: testRows.length };
}

test("IDX files: the view is known by the pcap header, the given parts stay, copies go, the manifest says it all", async () => {
  const { folder, train, test: tested } = await publishedLike();
  const to = out();
  const manifest = await convertDataset(folder, { out: to, mask: "stack" });
  const got = await openDataset(to);
  expect(manifest).toMatchObject({ view: "pcap", mask: "stack", images: got.count });
  expect(got.count + manifest.duplicatesRemoved).toBe(train + tested);
  expect(manifest.duplicatesRemoved).toBeGreaterThan(0);
  const images = Array.from({ length: got.count }, (_, row) =>
    Buffer.from(got.images.subarray(row * 784, row * 784 + 784)).toString("latin1"),
  );
  expect(new Set(images).size).toBe(got.count);
  // The training part comes first in the files: a test row that equals one of it is the one that goes.
  expect(got.testRows!.length).toBeLessThanOrEqual(tested);
  expect(got.testRows!.length).toBeGreaterThan(tested / 2);
  for (const row of [...got.testRows!].slice(0, 50))
    expect(row).toBeGreaterThanOrEqual(got.count - got.testRows!.length);
});

test("without a mask nothing is removed, and the view is said where it shows", async () => {
  const { folder, train, test: tested } = await publishedLike();
  const manifest = await convertDataset(folder, { out: out() });
  expect(manifest).toMatchObject({
    view: "pcap",
    mask: "none",
    images: train + tested,
    duplicatesRemoved: 0,
  });
  expect(manifest.masking).toBeUndefined();
});

test("what a mask cannot be applied to is refused, or said", async () => {
  const { folder } = await publishedLike();
  const masked = out();
  await convertDataset(folder, { out: masked, mask: "identity" });
  await expect(convertDataset(masked, { out: out(), mask: "stack" })).rejects.toMatchObject({
    code: "ERR_ARGUMENT",
    message: expect.stringContaining("received images with mask identity"),
  });
  const l7 = await encoded(SAMPLES, { view: "l7", mask: "none" });
  const same = await maskDataset(l7.dataset, "identity");
  expect(same.manifest).toMatchObject({ view: "l7", mask: "identity" });
  expect(Buffer.compare(same.images, l7.dataset.images)).toBe(0);
  const unknown = { ...l7.dataset, manifest: newManifest({}) };
  await expect(maskDataset(unknown, "identity")).rejects.toThrow("--view pcap, l3 or l7");
  await expect(maskDataset(unknown, "identity", { view: "pcap" })).rejects.toThrow(
    "are they of another view?",
  );
});

test("damage: unreadable images are left out, the rest of a broken one is zeroed, and both are counted", async () => {
  const { dataset } = await encoded(SAMPLES, { view: "pcap", mask: "none" });
  const images = dataset.images.slice();
  images[0] = 0; // no magic
  images.fill(0xff, 784 + 24 + 8, 784 + 24 + 12); // a captured length of 4 GiB
  const got = await maskDataset({ ...dataset, images }, "identity");
  expect(got.manifest.masking!.images).toEqual({ masked: dataset.count - 2, brokenOff: 1, unreadable: 1 });
  expect(got.count + got.manifest.duplicatesRemoved).toBe(
    dataset.count - 1 + dataset.manifest.duplicatesRemoved,
  );
  expect(got.images.subarray(0, 784).every((byte) => byte === 0)).toBe(true);
});

test("an abort ends it with ERR_ABORTED", async () => {
  const { dataset } = await encoded(SAMPLES, { view: "pcap", mask: "none" });
  await expect(maskDataset(dataset, "identity", { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: "ERR_ABORTED",
  });
});
