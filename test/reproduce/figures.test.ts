// The drawings: that they hold what they are to show, as text in the SVG. How they look only eyes can tell.
import { describe, expect, it } from "vitest";
import { drawFigures } from "../../src/reproduce/figures/index.ts";
import { CLASSES, finishedCell, summaryOf, table3Grid } from "./results.ts";

const grid = table3Grid();
const run = grid.cells.filter(({ trial }) => trial.labels === 100);
const stored = new Map(run.map((cell) => [cell.key, finishedCell(cell, 0.7 + 0.1 * cell.seed)]));
const figures = await drawFigures(summaryOf(grid, stored), stored);

const textsOf = (svg: string) =>
  [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text!.replaceAll("&amp;", "&"));
const named = (part: string) => figures.find(({ file }) => file.includes(part))!;

describe("figures", () => {
  it("are whole SVG files of a modest size, with names for files", () => {
    expect(figures.length).toBeGreaterThanOrEqual(3);
    expect(new Set(figures.map(({ file }) => file)).size).toBe(figures.length);
    for (const { file, svg } of figures) {
      expect(file).toMatch(/^[\w-]+\.svg$/);
      expect(svg).toMatch(/^<svg [^>]*viewBox=/);
      expect(svg.trimEnd()).toMatch(/<\/svg>$/);
      expect(svg.length).toBeLessThan(100_000);
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    }
  });

  it("show the losses of both phases by epoch", () => {
    const texts = textsOf(named("clgan-loss").svg);
    for (const text of [
      "adversarial phase",
      "supervised phase",
      "discriminator",
      "generator",
      "train",
      "validation",
    ]) {
      expect(texts).toContain(text);
    }
    expect(texts.filter((text) => text === "epoch")).toHaveLength(2);
    expect(texts.filter((text) => text.startsWith("loss ("))).toHaveLength(2);
    expect(texts).toContain("CLGAN, 100 labelled + 4000 unlabelled");
    // Three epochs of one phase, two of the other, all at whole numbers.
    expect(texts.filter((text) => /^\d+$/.test(text)).sort()).toEqual(
      expect.arrayContaining(["1", "1", "2", "2", "3"]),
    );
  });

  it("show every image of a confusion matrix, under the names of the classes", () => {
    const { svg } = named("clgan-confusion");
    const texts = textsOf(svg);
    for (const name of CLASSES) expect(texts.filter((text) => text === name)).toHaveLength(2);
    expect(texts).toEqual(expect.arrayContaining(["true class", "verdict", "share of the true class"]));
    const counts = texts.filter((text) => /^\d+$/.test(text)).map(Number);
    expect(counts.sort((a, b) => a - b)).toEqual([1, 1, 2, 8, 8, 10]);
  });

  it("show accuracy by label count, ours and the paper's", () => {
    const texts = textsOf(named("accuracy").svg);
    expect(texts).toEqual(
      expect.arrayContaining(["100 + 4000", "1000 + 12000", "CLGAN", "accuracy on the test images (%)"]),
    );
    expect(texts).not.toContain("majority");
  });

  it("of nothing are none", async () => {
    expect(await drawFigures(summaryOf(grid, new Map()), new Map())).toEqual([]);
  });
});
