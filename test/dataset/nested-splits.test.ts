import { describe, expect, test } from "vitest";
import { makeNestedSplits } from "../../src/dataset/nested-splits.ts";
import { makeSplit } from "../../src/dataset/split.ts";
import { tinyDataset } from "../training/tiny-dataset.ts";

const dataset = tinyDataset(300);
const options = { seed: 3, validationShare: 0.25 } as const;
const budgets = [12, 40, 100];
const splits = makeNestedSplits(dataset, options, budgets);

const within = (part: Uint32Array, whole: Uint32Array) => {
  const rows = new Set(whole);
  return part.every((row) => rows.has(row));
};
const union = (...parts: Uint32Array[]) => parts.flatMap((part) => [...part]).sort((a, b) => a - b);

describe("nested splits", () => {
  test("the largest is makeSplit's", () => {
    expect(splits[2]).toEqual(makeSplit(dataset, { ...options, labels: 100 }));
  });

  test.each([0, 1])("budget %i holds its labels, rows of the largest alone", (i) => {
    const split = splits[i]!;
    expect(split.labelled.length + split.validation.length).toBe(budgets[i]);
    expect(split.validation.length).toBe(Math.round(budgets[i]! / 4));
    expect(within(split.labelled, splits[2]!.labelled)).toBe(true);
    expect(within(split.validation, splits[2]!.validation)).toBe(true);
    const shown = new Set([...split.labelled].map((row) => dataset.labels[row]));
    expect(shown.size).toBe(3);
  });

  test("test part and pool are the same rows for all, and no row is in two parts", () => {
    const pool = union(splits[2]!.labelled, splits[2]!.unlabelled);
    for (const { labelled, validation, unlabelled, test: held } of splits) {
      expect(held).toEqual(splits[2]!.test);
      expect(union(labelled, unlabelled)).toEqual(pool);
      const all = union(labelled, validation, unlabelled, held);
      expect(new Set(all).size).toBe(all.length);
      expect([...unlabelled]).toEqual([...unlabelled].sort((a, b) => a - b));
    }
  });

  test("a budget too small for every class says which it leaves out", () => {
    const [two] = makeNestedSplits(dataset, options, [2, 100]);
    expect(two!.warnings!.join()).toMatch(/no labelled image to learn from: class "/);
    expect(() => makeNestedSplits(dataset, options, [0, 100])).toThrow(
      "Expected budgets of a labelled image",
    );
  });
});
