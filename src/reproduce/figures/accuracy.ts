// A table as a picture: accuracy by label count, ours with the deviation over seeds, the paper's beside it.
import type { Spec } from "vega";
import { settings } from "../report.ts";
import type { TableSummary } from "../summary.ts";
import { COLOURS, SHAPES } from "./style.ts";

const LETTER = 6.5;
const HEIGHT = 250;

/** Undefined where no cell of the table was run. */
export function accuracyChart(table: TableSummary): Spec | undefined {
  const groups = settings(table);
  const step = 24 + LETTER * Math.max(...groups.map(({ label }) => label.length));
  const ours = groups.flatMap(({ label, rows }) =>
    rows.flatMap(({ title, scores }) =>
      scores === null
        ? []
        : [point(label, title, 100 * scores.accuracy.mean, 100 * scores.accuracy.deviation)],
    ),
  );
  if (ours.length === 0) return undefined;
  const paper = groups.flatMap(({ label, rows }) =>
    rows.flatMap(({ title, paper }) => (paper === null ? [] : [point(label, title, paper.accuracy, 0)])),
  );
  const drawn = new Set([...ours, ...paper].map(({ who }) => who));
  const contenders = [...new Set(table.rows.map(({ title }) => title))].filter((title) => drawn.has(title));
  // Majority is far below all others, and would press them together: the table has it.
  const shown = contenders.filter((title) => title !== "majority");
  const series = (name: string, source: string, filled: boolean, dash: number[]): Spec["marks"] => [
    {
      type: "group",
      from: { facet: { name, data: source, groupby: "who" } },
      marks: [
        {
          type: "line",
          from: { data: name },
          encode: {
            enter: {
              x: { scale: "x", field: "label" },
              y: { scale: "y", field: "accuracy" },
              stroke: { scale: "colour", field: "who" },
              strokeDash: { value: dash },
              strokeWidth: { value: 1.6 },
            },
          },
        },
        {
          type: "symbol",
          from: { data: name },
          encode: {
            enter: {
              x: { scale: "x", field: "label" },
              y: { scale: "y", field: "accuracy" },
              shape: { scale: "shape", field: "who" },
              stroke: { scale: "colour", field: "who" },
              fill: filled ? { scale: "colour", field: "who" } : { value: "white" },
              strokeWidth: { value: 1.4 },
              size: { value: 60 },
            },
          },
        },
      ],
    },
  ];
  const kept = (points: readonly Point[]) => points.filter(({ who }) => shown.includes(who));
  return {
    $schema: "https://vega.github.io/schema/vega/v6.json",
    description: `Accuracy by label count: ${table.title}`,
    width: step * groups.length,
    height: HEIGHT,
    padding: 8,
    title: {
      text: table.title,
      subtitle: `${table.setTitle}, view ${table.rows[0]!.view}. Filled, solid: ours. Hollow, dashed: the paper's.`,
      anchor: "start",
      offset: 12,
    },
    data: [
      { name: "ours", values: kept(ours) },
      { name: "paper", values: kept(paper) },
      { name: "both", source: ["ours", "paper"] },
    ],
    scales: [
      { name: "x", type: "point", domain: groups.map(({ label }) => label), range: "width", padding: 0.5 },
      {
        name: "y",
        type: "linear",
        domain: { data: "both", fields: ["low", "high"] },
        range: "height",
        nice: true,
        zero: false,
      },
      { name: "colour", type: "ordinal", domain: shown, range: COLOURS },
      { name: "shape", type: "ordinal", domain: shown, range: SHAPES },
    ],
    axes: [
      { orient: "bottom", scale: "x", title: "labelled + unlabelled images", labelLimit: 0 },
      { orient: "left", scale: "y", title: "accuracy on the test images (%)", grid: true, tickCount: 8 },
    ],
    legends: [{ stroke: "colour", fill: "colour", shape: "shape", orient: "right" }],
    marks: [
      {
        type: "rule",
        from: { data: "ours" },
        encode: {
          enter: {
            x: { scale: "x", field: "label" },
            y: { scale: "y", field: "low" },
            y2: { scale: "y", field: "high" },
            stroke: { scale: "colour", field: "who" },
            strokeWidth: { value: 1.4 },
          },
        },
      },
      ...series("ofPaper", "paper", false, [4, 3])!,
      ...series("ofOurs", "ours", true, [])!,
    ],
  };
}

interface Point {
  readonly label: string;
  readonly who: string;
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
}

const point = (label: string, who: string, accuracy: number, deviation: number): Point => ({
  label,
  who,
  accuracy,
  low: accuracy - deviation,
  high: accuracy + deviation,
});
