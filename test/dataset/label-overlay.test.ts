import { expect, test } from "vitest";
import { imageDigest } from "../../src/dataset/image-hash.ts";
import { applyLabels } from "../../src/dataset/label-overlay.ts";
import { parseLabels } from "../../src/dataset/labels.ts";
import { tinyDataset } from "../training/tiny-dataset.ts";

const dataset = tinyDataset();
const apply = (text: string, to = dataset) => applyLabels(to, parseLabels(text, "l.csv"), "l.csv");

test("labels rows by number, with classes that are new behind those that were there", () => {
  const bare = { ...dataset, labels: dataset.labels.map((label, row) => (row < 10 ? -1 : label)) };
  const found = apply("row,class\n3,mail\n5,games\n20,games\n21,chat\n", bare);
  expect(found).toMatchObject({ labelled: 2, corrected: 1, unmatched: [] }); // row 21 is chat already
  expect(found.dataset.classes).toEqual(["chat", "mail", "voice", "games"]);
  expect([3, 5, 20, 21].map((row) => found.dataset.labels[row])).toEqual([1, 3, 3, 0]);
  expect(found.dataset.manifest).toMatchObject({ unlabelled: 8, classes: found.dataset.classes });
  expect(found.dataset.manifest.counts.games).toBe(2);
  expect(bare.labels[3]).toBe(-1);
});

test("a file made for other images is refused, and so is a row that is not there", () => {
  const digest = imageDigest(dataset.images, 7);
  expect(apply(`row,image,class\n7,${digest},mail\n`).dataset.labels[7]).toBe(1);
  expect(() => apply(`row,image,class\n8,${digest},mail\n`)).toThrow(
    /l.csv:2: .* its row 8 holds another image/,
  );
  expect(() => apply("row,class\n90,mail\n")).toThrow(/l.csv:2: expected a row below 90/);
  expect(() => apply("row,class\n-1,mail\n")).toThrow(/whole number/);
});

test("a dataset without addresses takes row numbers alone", () => {
  expect(() => apply("responder_port,class\n443,mail\n")).toThrow(/expected row numbers/);
});

test("lines that were not filled in are left out; a file with none filled in is refused", () => {
  const found = apply("row,best_class,class\n3,mail,\n4,mail,mail\n");
  expect(found.labelled + found.corrected).toBeLessThanOrEqual(1);
  expect(() => apply("row,best_class,class\n3,mail,\n")).toThrow(/a class in one line at least/);
  // A control: in a file that people wrote an empty class is a mistake.
  expect(() => apply("row,class\n3,\n")).toThrow(/expected a class/);
});
