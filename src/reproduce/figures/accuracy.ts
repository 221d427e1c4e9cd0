// A table as a picture: accuracy by label count, ours with the deviation over seeds, the paper's beside it.
import type { Spec } from "vega";
import { settings } from "../report.ts";
import type { TableSummary } from "../summary.ts";
import { COLOURS, SHAPES } from "./style.ts";

const LETTER = 6.5;
const HEIGHT = 250;

export interface AccuracyLines {
  readonly description: string;
  readonly title: string;
  readonly subtitle: string;
  readonly xTitle: string;
  /** In order, from left to right. */
  readonly labels: readonly string[];
  /** Names in the order of colours; those without a point are left out. */
  readonly contenders: readonly string[];
  /** Filled, solid. */
  readonly ours: readonly AccuracyPoint[];
  /** Hollow, dashed. */
  readonly paper: readonly AccuracyPoint[];
}

/** Undefined where no cell of the table was run. */
export function accuracyChart(table: TableSummary): Spec | undefined {
  const groups = settings(table);
  return accuracyLines({
    description: `Accuracy by label count: ${table.title}`,
    title: table.title,
    subtitle: `${table.setTitle}, view ${table.rows[0]!.view}. Filled, solid: ours. Hollow, dashed: the paper's.`,
    xTitle: "labelled + unlabelled images",
    labels: groups.map(({ label }) => label),
    contenders: [...new Set(table.rows.map(({ title }) => title))],
    ours: groups.flatMap(({ label, rows }) =>
      rows.flatMap(({ title, scores }) =>
        scores === null
          ? []
          : [accuracyPoint(label, title, 100 * scores.accuracy.mean, 100 * scores.accuracy.deviation)],
      ),
    ),
    paper: groups.flatMap(({ label, rows }) =>
      rows.flatMap(({ title, paper }) =>
        paper === null ? [] : [accuracyPoint(label, title, paper.accuracy, 0)],
      ),
    ),
  });
}

/** A line a contender, with the deviation over seeds. Undefined without a point of ours. */
export function accuracyLines(lines: AccuracyLines): Spec | undefined {
  const { description, title, subtitle, xTitle, labels, ours, paper } = lines;
  if (ours.length === 0) return undefined;
  const step = 24 + LETTER * Math.max(...labels.map((label) => label.length));
  const drawn = new Set([...ours, ...paper].map(({ who }) => who));
  const contenders = lines.contenders.filter((name) => drawn.has(name));
  // Majority is far below all others, and would press them together: the table has it.
  const shown = contenders.filter((name) => name !== "majority");
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
  const kept = (points: readonly AccuracyPoint[]) => points.filter(({ who }) => shown.includes(who));
  return {
    $schema: "https://vega.github.io/schema/vega/v6.json",
    description,
    width: step * labels.length,
    height: HEIGHT,
    padding: 8,
    title: {
      text: title,
      subtitle,
      anchor: "start",
      offset: 12,
    },
    data: [
      { name: "ours", values: kept(ours) },
      { name: "paper", values: kept(paper) },
      { name: "both", source: ["ours", "paper"] },
    ],
    scales: [
      { name: "x", type: "point", domain: [...labels], range: "width", padding: 0.5 },
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
      { orient: "bottom", scale: "x", title: xTitle, labelLimit: 0 },
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

export interface AccuracyPoint {
  readonly label: string;
  readonly who: string;
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
}

export const accuracyPoint = (
  label: string,
  who: string,
  accuracy: number,
  deviation: number,
): AccuracyPoint => ({
  label,
  who,
  accuracy,
  low: accuracy - deviation,
  high: accuracy + deviation,
});
