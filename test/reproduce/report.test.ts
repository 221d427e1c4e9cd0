import { parse } from "csv-parse/sync";
import { describe, expect, it } from "vitest";
import { csvReport, figureKey, markdownReport } from "../../src/reproduce/report.ts";
import type { StoredCell } from "../../src/reproduce/store.ts";
import { finishedCell, summaryOf, table3Grid } from "./results.ts";

const grid = table3Grid();
const first = grid.cells.filter(
  ({ trial }) => trial.labels === 100 && (trial.poolCount === 4000 || trial.poolCount === 0),
);
// Two seeds of the first setting, but for the second seed of CLGAN; the autoencoder's first failed.
const stored = new Map<string, StoredCell>();
for (const cell of first) {
  const { name } = cell.trial.contender;
  if (name === "clgan" && cell.seed === 2) continue;
  stored.set(cell.key, finishedCell(cell, cell.seed === 1 ? 0.8 : 0.9));
}
const failedKey = first.find(({ trial, seed }) => trial.contender.name === "ae" && seed === 1)?.key;
if (failedKey !== undefined) {
  stored.set(failedKey, {
    formatVersion: 1,
    key: failedKey,
    failed: { code: "ERR_DIVERGED", message: "Expected a finite train" },
    finished: "",
  });
}
const summary = summaryOf(grid, stored);

describe("the summary", () => {
  it("has mean and sample deviation over the seeds that were run", () => {
    const row = summary.tables[0]!.rows.find(({ contender }) => contender === "clgan-scratch")!;
    expect(row.seeds).toEqual([1, 2]);
    expect(row.scores!.accuracy.mean).toBeCloseTo(0.85, 12);
    expect(row.scores!.accuracy.deviation).toBeCloseTo(Math.SQRT1_2 / 10, 12);
    expect(row.notes).toEqual(["3 of 30 test images are copies of training images"]);
    expect(summary.cellsDone).toBe([...stored.values()].filter((cell) => !("failed" in cell)).length);
    expect(summary.cellsAsked).toBe(grid.cells.length);
  });
});

describe("report.md", () => {
  const figures = new Map([
    [figureKey(summary.tables[0]!), [{ file: "figures/a.svg", caption: "A figure" }]],
  ]);
  const text = markdownReport(summary, figures);
  const lines = text.split("\n");
  const cellsOf = (line: string) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim());

  it("stands ours beside the paper's, with view, mask and split in each row", () => {
    const header = cellsOf(lines.find((line) => line.includes("CLGAN, paper"))!);
    const row = cellsOf(lines.find((line) => line.startsWith("| 100 + 4000 |"))!);
    expect(row).toHaveLength(header.length);
    const of = (name: string) => row[header.indexOf(name)];
    expect(of("images")).toBe("100 + 4000");
    expect(of("view, mask")).toBe("l7, none");
    expect(of("split")).toBe("given");
    expect(of("CLGAN, paper")).toBe("89.30 (89.30)");
    expect(of("CLGAN, ours")).toBe("80.0 (70.0)"); // one seed: no deviation
    expect(of("CLGAN from scratch")).toBe("85.0 ± 7.1 (75.0 ± 7.1)");
    expect(of("majority")).toBe("85.0 ± 7.1 (75.0 ± 7.1)");
  });

  it("says what was not run, what failed, and where the rest ran", () => {
    const later = cellsOf(lines.find((line) => line.startsWith("| 1000 + 12000 |"))!);
    expect(later.filter((cell) => cell === "–").length).toBeGreaterThan(1);
    expect(text).toContain(`${summary.cellsDone} of ${summary.cellsAsked} cells were run`);
    if (failedKey !== undefined) expect(text).toContain("Expected a finite train");
    expect(text).toContain("Machine 1: 2 cores of a | processor, 24 GiB.");
    expect(text).toMatch(/^- A phase learned nothing\. \(`\S+_clgan_s1_\S+`\)$/m);
    expect(text).toMatch(
      /^- 100 \+ 4000, without those copies: CLGAN 75\.0 \(65\.0\), .*trees 80\.0 \(70\.0\)/m,
    );
    // Said of one setting alone.
    expect(text).toContain(
      "- 100 + 4000, 100 + 8000, 100 + 12000: 3 of 30 test images are copies of training images.",
    );
    expect(text).toContain("![A figure](figures/a.svg)");
    expect(text).toContain("`train`'s defaults but for precision bfloat16.");
    expect(text).not.toContain("--quick");
  });

  it("has tables whose lines have as many cells as their heads", () => {
    let width = 0;
    for (const line of lines) {
      if (!line.startsWith("|")) width = 0;
      else if (width === 0) width = cellsOf(line).length;
      else expect(cellsOf(line).length, line).toBe(width);
    }
  });

  it("of the small version says that it means nothing", () => {
    expect(markdownReport(summaryOf(grid, stored, true), new Map())).toContain("its scores mean nothing");
  });

  it("of nothing is still a report", () => {
    const empty = markdownReport(summaryOf(grid, new Map()), new Map());
    expect(empty).toContain(`0 of ${grid.cells.length} cells were run`);
    expect(empty).toContain("Nothing yet.");
  });
});

describe("results.csv", () => {
  it("has a record a row, in per cent", () => {
    const records = parse(csvReport(summary), { columns: true }) as Record<string, string>[];
    expect(records).toHaveLength(grid.rows.length);
    const clgan = records.find(
      ({ contender, setting }) => contender === "clgan" && setting === "100 + 4000",
    )!;
    expect(clgan).toMatchObject({
      table: "table3",
      view: "l7",
      mask: "none",
      split: "given",
      labelled_images: "100",
      unlabelled_images: "4000",
      paper_accuracy: "89.3",
      paper_f1: "89.3",
      accuracy: "80.000",
      macro_f1: "70.000",
      accuracy_without_copies: "75.000",
      seeds: "1",
      seconds: "12.3",
    });
    const missing = records.find(
      ({ contender, setting }) => contender === "clgan" && setting === "1000 + 12000",
    )!;
    expect([missing.accuracy, missing.seeds, missing.paper_accuracy]).toEqual(["", "", "98.6"]);
  });
});
