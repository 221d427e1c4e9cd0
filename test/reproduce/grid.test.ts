// The grid: which cells there are, what they share, in which order they come, and what a set that is too small makes of them.
import { describe, expect, it } from "vitest";
import { makeSplit } from "../../src/dataset/split.ts";
import {
  cellKey,
  type GridOptions,
  gridCells,
  gridRows,
  pretrainingKey,
  setsOf,
} from "../../src/reproduce/cells.ts";
import { CONTENDERS } from "../../src/reproduce/contenders.ts";
import { makeEstimator, secondsOf } from "../../src/reproduce/estimate.ts";
import { IMAGE_SETS, type ImageSetName, type LoadedSet } from "../../src/reproduce/image-sets.ts";
import { quickTable } from "../../src/reproduce/quick.ts";
import { TABLES } from "../../src/reproduce/tables/index.ts";
import { fixture, repeated } from "../dataset/fixtures.ts";

const OPTIONS: GridOptions = { seeds: 3, only: [], training: {}, allViews: false };

/** 20 classes of 700 images to train on and 20 to test; class 0 has 40. */
function loaded(name: ImageSetName): LoadedSet {
  const classes = Array.from({ length: 20 }, (_, i) => i);
  const train = classes.map((c): [number, number] => [c, c === 0 ? 40 : 700]);
  const labels = repeated(...train, ...classes.map((c): [number, number] => [c, 20]));
  const first = labels.length - 400;
  const dataset = fixture({ labels, testRows: Array.from({ length: 400 }, (_, i) => first + i) });
  return { name, dataset, notes: [] };
}

const sets = new Map<string, LoadedSet>(setsOf(TABLES, true).map((name) => [name, loaded(name)]));
const flat = () => 1;

describe("tables", () => {
  it("hold what the paper reports", () => {
    const reported = TABLES.filter(({ name }) => name !== "figures").flatMap(({ settings }) =>
      settings.flatMap(({ paper }) => Object.values(paper)),
    );
    // 4 x 2, 3 x 2, 6 x 2, 4 x 2, 4 x 2 rows.
    expect(reported).toHaveLength(42);
    expect(TABLES.find(({ name }) => name === "table3")!.settings[0]).toMatchObject({
      labels: 100,
      unlabelled: 4000,
      paper: { clgan: { accuracy: 89.3, f1: 89.3 }, ae: { accuracy: 83.2, recall: 83.7 } },
    });
  });

  it("name sets and contenders that exist, and stand references beside every score", () => {
    const names: readonly string[] = CONTENDERS.map(({ name }) => name);
    for (const table of TABLES) {
      expect(Object.keys(IMAGE_SETS)).toContain(table.set);
      for (const who of [...table.compared, ...table.beside]) expect(names).toContain(who);
      for (const { paper } of table.settings) {
        for (const who of Object.keys(paper)) expect(table.compared).toContain(who);
      }
      if (table.name !== "figures") {
        expect(table.beside).toEqual(expect.arrayContaining(["trees", "nearest", "majority"]));
      }
    }
  });
});

describe("cells", () => {
  const rows = gridRows(TABLES, sets, OPTIONS);
  const cells = gridCells(rows, flat);

  it("come once each, with every table that wants them", () => {
    expect(new Set(cells.map(({ key }) => key)).size).toBe(cells.length);
    const shared = cells.find(({ tables }) => tables.includes("figures"))!;
    expect(shared.tables).toEqual(["table1", "figures"]);
    // Without a pool 100 labels are 100 labels, whatever the setting's pool is.
    const majority = cells.filter(
      ({ trial, tables, seed }) =>
        seed === 1 &&
        trial.contender.name === "majority" &&
        trial.labels === 100 &&
        tables.includes("table3"),
    );
    expect(majority).toHaveLength(1);
  });

  it("have keys that are file names, the same in every run", () => {
    for (const { key } of cells) expect(key).toMatch(/^[\w.+-]+$/);
    const { trial } = rows.find(({ trial }) => trial.contender.name === "clgan" && trial.labels === 100)!;
    expect(cellKey(trial, 1)).toBe("ustc20-SessionL7_100+4000_clgan_s1_72cf9a6e");
    expect(cellKey({ ...trial, training: { epochs: 7 } }, 1)).not.toBe(cellKey(trial, 1));
  });

  it("begin with the first seed, few labels, and what is cheap", () => {
    const order = cells.map(({ seed, trial }) => seed * 1e9 + trial.labelCount);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    const byCost = gridCells(rows, ({ contender }) => (contender.name === "majority" ? 1 : 2));
    expect(byCost[0]!.trial.contender.name).toBe("majority");
    expect(cells.filter(({ tables }) => tables.length === 1 && tables[0] === "figures")).toEqual([]);
  });

  it("are those of the contenders that are asked for", () => {
    const some = gridRows(TABLES, sets, { ...OPTIONS, only: ["majority"] });
    expect(new Set(some.map(({ trial }) => trial.contender.name))).toEqual(new Set(["majority"]));
  });

  it("of another view carry no figures of the paper", () => {
    const both = gridRows(TABLES.slice(0, 1), sets, { ...OPTIONS, allViews: true });
    const papers = (set: string) =>
      both.filter(({ trial, paper }) => trial.set === set && paper !== undefined);
    expect(papers("iscx12/SessionAllLayers").length).toBeGreaterThan(0);
    expect(papers("iscx12/SessionL7")).toEqual([]);
  });
});

describe("a set that holds less than a table asks for", () => {
  const rows = gridRows(TABLES, sets, OPTIONS);
  const row = (table: string, label: string) =>
    rows.find((row) => row.table === table && row.label === label && row.trial.contender.name === "clgan")!;

  it("gives what it has of each class, and the row says so", () => {
    const { trial, notes } = row("table5", "1000/class + the rest");
    // Every class holds fewer: the same cell whether 1000 or 4000 are asked for.
    expect(trial.labels).toBe("all");
    expect(trial.labelCount).toBe(40 + 19 * 700);
    expect(notes).toEqual(["20 of 20 classes hold fewer than 1000: 13340 labels in all"]);
    expect(cellKey(trial, 1)).toBe(cellKey(row("table5", "4000/class + the rest").trial, 1));
  });

  it("gives the pool that is left", () => {
    const { trial, notes } = row("table3", "1000 + 12000");
    expect([trial.unlabelled, trial.poolCount]).toEqual([12_000, 12_000]);
    expect(notes).toEqual([]);
    const small = new Map([...sets].map(([name, set]) => [name, smaller(set)]));
    const clipped = gridRows(TABLES, small, OPTIONS).find(
      ({ table, label, trial }) =>
        table === "table3" && label === "1000 + 12000" && trial.contender.name === "clgan",
    )!;
    expect([clipped.trial.labels, clipped.trial.unlabelled, clipped.trial.poolCount]).toEqual([
      "all",
      "all",
      0,
    ]);
    expect(clipped.notes).toEqual([
      "the set has 800 labelled images to train on: all taken",
      "the set has 0 images left for the pool of 12000: all taken",
    ]);
  });

  it("counts as the split does", () => {
    for (const { trial, label } of rows.filter(({ table }) => table === "table1" || table === "table3")) {
      const { dataset } = sets.get(trial.set)!;
      const split = makeSplit(dataset, { labels: trial.labels, unlabeled: trial.unlabelled });
      expect([label, split.labelled.length + split.validation.length, split.unlabelled.length]).toEqual([
        label,
        trial.labelCount,
        trial.poolCount,
      ]);
    }
  });

  function smaller({ name }: LoadedSet): LoadedSet {
    return {
      name,
      dataset: fixture({
        labels: repeated(...Array.from({ length: 10 }, (_, c): [number, number] => [c, 100])),
      }),
      notes: [],
    };
  }
});

describe("the small version", () => {
  it("has every table, every contender, and says what each row stands for", () => {
    const rows = gridRows(TABLES.map(quickTable), sets, OPTIONS);
    const full = gridRows(TABLES, sets, OPTIONS);
    const who = (of: typeof rows) =>
      new Set(of.map(({ table, trial }) => `${table} ${trial.contender.name}`));
    expect(who(rows)).toEqual(who(full));
    expect(rows.find(({ table }) => table === "table3")!.label).toBe("20 + 40 (for 100 + 4000)");
    for (const { trial } of rows.filter(({ table }) => table === "table3")) {
      expect(trial.labelCount).toBeLessThanOrEqual(20);
    }
  });
});

describe("estimates", () => {
  const rows = gridRows(TABLES, sets, OPTIONS);
  const trial = rows.find(({ trial }) => trial.contender.name === "clgan")!.trial;

  it("grow with the images", () => {
    const { cell, pretraining } = makeEstimator([]);
    expect(cell({ ...trial, labelCount: 100_000 })).toBeGreaterThan(
      2 * cell({ ...trial, labelCount: 10_000 }),
    );
    expect(pretraining({ ...trial, poolCount: 100_000 })).toBeGreaterThan(
      2 * pretraining({ ...trial, poolCount: 10_000 }),
    );
  });

  it("learn from the cells that are done", () => {
    const alone = { ...trial, sharesPretraining: false };
    const seconds = makeEstimator([]).cell(alone);
    const learned = makeEstimator([
      { trial: alone, result: { seconds: 3 * seconds, sharedSeconds: 0 } as never },
    ]);
    expect(learned.cell(alone)).toBeCloseTo(3 * seconds, 6);
  });

  it("count a pre-training once that several cells share", () => {
    const cells = gridCells(rows, flat).filter(
      ({ trial, tables, seed }) =>
        trial.contender.name === "clgan" &&
        seed === 1 &&
        (tables.includes("table1") || tables.includes("table4")),
    );
    expect(new Set(cells.map(({ trial, seed }) => pretrainingKey(trial, seed))).size).toBe(1);
    const estimate = { cell: () => 1, pretraining: () => 100 };
    expect(secondsOf(cells, [], estimate)).toBe(cells.length + 100);
    expect(secondsOf(cells, [pretrainingKey(cells[0]!.trial, 1)], estimate)).toBe(cells.length);
    // Pools of a few thousand are other images at every label count.
    for (const { trial } of rows.filter(({ table }) => table === "table3")) {
      expect(trial.sharesPretraining).toBe(false);
    }
  });
});
