// Which figures a summary has, and their files. Nothing else of flowglyph loads the plotting library.
import type { Spec } from "vega";
import { type ContenderName, contender } from "../contenders.ts";
import { figureKey } from "../report.ts";
import { isFinished, type StoredCell } from "../store.ts";
import type { RowSummary, Summary, TableSummary } from "../summary.ts";
import { accuracyChart } from "./accuracy.ts";
import { confusionMatrix } from "./confusion-matrix.ts";
import { lossCurves } from "./loss-curves.ts";
import { renderSvg } from "./svg.ts";

export interface Figure {
  /** Of the table that it belongs to: `figureKey`. */
  readonly table: string;
  readonly file: string;
  readonly caption: string;
  readonly svg: string;
}

/**
 * For each table accuracy by label count; and, of the first row that was run of each network that the paper compares, the
 * losses and the confusion matrix of its first seed.
 */
export async function drawFigures(
  summary: Summary,
  stored: ReadonlyMap<string, StoredCell>,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  const drawn = new Set<string>();
  const draw = async (table: TableSummary, name: string, caption: string, spec: Spec) => {
    figures.push({ table: figureKey(table), file: `${name}.svg`, caption, svg: await renderSvg(spec) });
  };
  // The paper's own figures first: what a table would repeat of them is left out there.
  const byFigures = [...summary.tables].sort(
    (a, b) => Number(b.name === "figures") - Number(a.name === "figures"),
  );
  for (const table of byFigures) {
    const chart = table.name === "figures" ? undefined : accuracyChart(table);
    if (chart !== undefined) {
      await draw(table, `${figureKey(table)}-accuracy`, `Accuracy by label count, ${table.name}`, chart);
    }
    for (const row of firstRuns(table)) {
      const cell = stored.get(row.cells[0]!);
      if (!isFinished(cell) || drawn.has(cell.key)) continue;
      drawn.add(cell.key);
      const title = `${row.title}, ${row.labelledImages} labelled${row.unlabelledImages > 0 ? ` + ${row.unlabelledImages} unlabelled` : ""}`;
      const subtitle = `${table.setTitle}, view ${row.view}, mask ${row.mask}, split ${row.split}, seed ${cell.seed}`;
      const base = `${figureKey(table)}-${row.contender}`;
      if (cell.curves.length > 0) {
        await draw(table, `${base}-loss`, `Losses: ${title}`, lossCurves(title, subtitle, cell.curves));
      }
      const scored = `${subtitle}; accuracy ${(100 * cell.scores.accuracy).toFixed(1)} %`;
      await draw(
        table,
        `${base}-confusion`,
        `Confusion matrix: ${title}`,
        confusionMatrix(title, scored, cell.classes, cell.confusion),
      );
    }
  }
  return figures;
}

function firstRuns(table: TableSummary): RowSummary[] {
  const rows = table.rows.filter(
    ({ contender: name, cells, paper }) =>
      cells.length > 0 && paper !== null && contender(name as ContenderName).network,
  );
  return [...new Map([...rows].reverse().map((row) => [row.contender, row])).values()];
}
