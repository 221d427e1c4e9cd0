// The grid of a comparison: which cells there are, in which order, and what is said of results that are there.
import { describe, expect, it } from "vitest";
import { csvReport, markdownReport } from "../../src/compare/report.ts";
import { type ComparedRow, comparedCells, comparedRows, type RowOptions } from "../../src/compare/rows.ts";
import type { ComparedSet } from "../../src/compare/sets.ts";
import { contenderOf } from "../../src/compare/settings.ts";
import { summarizeComparison } from "../../src/compare/summary.ts";
import type { StoredCell } from "../../src/reproduce/store.ts";
import { fixture, repeated } from "../dataset/fixtures.ts";
import { finishedCell } from "../reproduce/results.ts";

// Captures whose sizes make a fifth exactly: both splits leave 80 images to train on.
const GROUPS = Array.from({ length: 10 }, (_, i): [number, number] => [i, i < 5 ? 12 : 8]);
const dataset = fixture({
  labels: repeated([0, 60], [1, 40]),
  groups: repeated(...GROUPS),
});
const set = (mask: "none" | "identity"): ComparedSet => ({
  set: "mine",
  title: "a set",
  view: "l3",
  mask,
  splits: ["random", "group"],
  loaded: { name: `mine.${mask}`, dataset, notes: [`mask ${mask}: 3 duplicates`] },
  caution: "",
});
const OPTIONS: RowOptions = {
  labels: [20, 40, "50%", 5000],
  models: ["trees", "majority", "clgan"],
  seeds: 2,
  unlabelled: 10,
  training: { epochs: 3 },
};
const rows = comparedRows([set("none"), set("identity")], OPTIONS);
const cells = comparedCells(rows, ({ contender }) => contender.name.length);

describe("rows and cells", () => {
  it("leave out counts that a set cannot give, and shares that are there as counts", () => {
    // 50 % of 80 are 40 labels, 5000 are too many.
    expect([...new Set(rows.map(({ labels }) => labels))]).toEqual([20, 40]);
    expect(rows).toHaveLength(2 * 2 * 2 * 3);
    expect(new Set(cells.map(({ key }) => key)).size).toBe(cells.length);
    expect(cells).toHaveLength(rows.length * 2);
  });

  it("put models without gradients before networks, the first seed before the second, few labels before many", () => {
    const order = cells.map(({ trial, seed }) => [Number(trial.contender.network), seed, trial.labelCount]);
    expect(order).toEqual([...order].sort((a, b) => a[0]! - b[0]! || a[1]! - b[1]! || a[2]! - b[2]!));
    expect(order.at(-1)).toEqual([1, 2, 40]);
  });

  it("give each model what it learns from: the pool and the epochs are networks' alone, the split is everybody's", () => {
    const of = (name: string, split: string) =>
      rows.find((row) => row.trial.contender.name === name && row.split === split)!.trial;
    expect(of("clgan", "group")).toMatchObject({ unlabelled: 10, training: { epochs: 3, split: "group" } });
    expect(of("trees", "group")).toMatchObject({ unlabelled: 0, training: { split: "group" } });
    expect(of("trees", "random").training).toEqual({});
  });

  it("take any model of the registry, and no other name", () => {
    expect(contenderOf("trees")).toMatchObject({ model: "trees", network: false });
    expect(() => contenderOf("oracle")).toThrow("names among");
  });
});

/** Scores that differ by mask, model and seed. */
const scoreOf = ({ trial, seed }: (typeof cells)[number]): number =>
  ({ trees: 0.8, majority: 0.2, clgan: 0.7 })[trial.contender.name]! +
  0.01 * seed * (trial.contender.name === "clgan" ? 2 : 1) -
  (trial.set.endsWith("identity") ? 0.05 : 0);
const storedOf = (run: readonly (typeof cells)[number][]) =>
  new Map<string, StoredCell>(run.map((cell) => [cell.key, finishedCell(cell, scoreOf(cell))]));
const summary = (of: readonly ComparedRow[], stored: ReadonlyMap<string, StoredCell>) =>
  summarizeComparison({ rows: of, stored, quick: false, training: {} });

describe("the summary", () => {
  const whole = summary(rows, storedOf(cells));

  it("has means, deviations, the winner, and differences over the same seeds", () => {
    expect(whole).toMatchObject({ cellsAsked: cells.length, cellsDone: cells.length });
    expect(whole.settings).toHaveLength(8);
    const setting = whole.settings[0]!;
    expect(setting).toMatchObject({
      set: "mine",
      view: "l3",
      mask: "none",
      split: "random",
      winner: "trees",
    });
    const clgan = setting.models.find(({ contender }) => contender === "clgan")!;
    expect(clgan.scores!.accuracy.mean).toBeCloseTo(0.73, 12);
    // 0.72 - 0.81 and 0.74 - 0.82
    expect(clgan.overTrees).toMatchObject({ pairs: 2 });
    expect(clgan.overTrees!.mean).toBeCloseTo(-0.085, 12);
    expect(clgan.overWinner).toEqual(clgan.overTrees);
    expect(setting.models.find(({ contender }) => contender === "trees")!.overWinner).toBeNull();
  });

  it("of a run that was stopped says what is there", () => {
    const some = summary(rows, storedOf(cells.slice(0, 10)));
    expect(some.cellsDone).toBe(10);
    expect(some.settings[0]!.models.find(({ contender }) => contender === "clgan")).toMatchObject({
      scores: null,
      seconds: null,
      overTrees: null,
    });
    expect(() => markdownReport(some, new Map(), () => "compare")).not.toThrow();
  });

  it("becomes Markdown whose every row says view, mask, split and seeds, with the command beneath", () => {
    const text = markdownReport(whole, new Map(), (name) => `compare --sets ${name}`);
    const lines = text.split("\n").filter((line) => line.startsWith("| 20 |") || line.startsWith("| 40 |"));
    expect(lines.length).toBe(8 * 4);
    for (const line of lines) expect(line).toMatch(/\| l3, (none|identity) \| (random|group) \|.* 2 \|$/);
    expect(text.split("    flowglyph compare --sets mine").length - 1).toBe(4);
    expect(text).toContain("81.5 ± 0.7 (71.5 ± 0.7)");
    expect(text).toContain("−8.5 ± 6.4");
    expect(text).not.toMatch(/NaN|undefined/);
  });

  it("becomes a CSV with a line a setting and model", () => {
    const records = csvReport(whole).trim().split("\n");
    expect(records).toHaveLength(1 + 8 * 3);
    expect(records[1]).toMatch(/^mine,l3,none,random,20,20,30,trees,trees,0,1 2,81\.500,/);
  });
});
