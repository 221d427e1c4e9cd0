// The losses of a training, phase by phase: the paper's figure 4, and the supervised phase beside it.
import type { Mark, Spec } from "vega";
import type { PhaseCurves } from "../result.ts";
import { COLOURS, DASHES } from "./style.ts";

// Of the phases that minimize no cross-entropy.
const UNITS: Readonly<Record<string, string>> = {
  reconstruction: "mean absolute error (of -1 to 1)",
  fingerprint: "1 - cosine (mean of the epoch)",
};
const CROSS_ENTROPY = "loss (nats, mean of the epoch)";

const WIDTH = 270;
const HEIGHT = 190;

export function lossCurves(title: string, subtitle: string, curves: readonly PhaseCurves[]): Spec {
  const drawn = curves.filter(({ losses }) => Object.keys(losses).length > 0);
  return {
    $schema: "https://vega.github.io/schema/vega/v6.json",
    description: `Losses by epoch: ${title}`,
    padding: 8,
    title: { text: title, subtitle, anchor: "start", offset: 12 },
    layout: { columns: drawn.length, padding: 40, bounds: "full", align: "each" },
    marks: drawn.map(panel),
  };
}

function panel({ phase, losses }: PhaseCurves, index: number): Mark {
  const names = Object.keys(losses);
  const values = names.flatMap((series) =>
    losses[series]!.map((loss, i) => ({ series, loss, epoch: i + 1 })),
  );
  const epochs = Math.max(...names.map((name) => losses[name]!.length));
  const own = (name: string) => `${name}${index}`;
  return {
    type: "group",
    encode: { enter: { width: { value: WIDTH }, height: { value: HEIGHT } } },
    // Axes of a group take the length of their grid from here.
    signals: [
      { name: "width", value: WIDTH },
      { name: "height", value: HEIGHT },
    ],
    title: { text: `${phase} phase`, fontSize: 12, fontWeight: "normal", anchor: "middle", offset: 8 },
    data: [{ name: own("points"), values }],
    scales: [
      { name: own("x"), type: "linear", domain: [1, Math.max(2, epochs)], range: [0, WIDTH], zero: false },
      {
        name: own("y"),
        type: "linear",
        domain: { data: own("points"), field: "loss" },
        range: [HEIGHT, 0],
        nice: true,
        zero: true,
      },
      { name: own("colour"), type: "ordinal", domain: names, range: COLOURS },
      { name: own("dash"), type: "ordinal", domain: names, range: DASHES },
    ],
    axes: [
      {
        orient: "bottom",
        scale: own("x"),
        title: "epoch",
        format: "d",
        tickCount: Math.min(8, epochs),
        tickMinStep: 1,
      },
      { orient: "left", scale: own("y"), title: UNITS[phase] ?? CROSS_ENTROPY, grid: true, tickCount: 6 },
    ],
    legends: [
      {
        stroke: own("colour"),
        strokeDash: own("dash"),
        symbolType: "stroke",
        symbolSize: 400,
        orient: "bottom",
        direction: "horizontal",
        columns: 2,
      },
    ],
    marks: [
      {
        type: "group",
        from: { facet: { name: own("line"), data: own("points"), groupby: "series" } },
        marks: [
          {
            type: "line",
            from: { data: own("line") },
            encode: {
              enter: {
                x: { scale: own("x"), field: "epoch" },
                y: { scale: own("y"), field: "loss" },
                stroke: { scale: own("colour"), field: "series" },
                strokeDash: { scale: own("dash"), field: "series" },
                strokeWidth: { value: 1.8 },
              },
            },
          },
          ...(epochs > 30
            ? []
            : [
                {
                  type: "symbol" as const,
                  from: { data: own("line") },
                  encode: {
                    enter: {
                      x: { scale: own("x"), field: "epoch" },
                      y: { scale: own("y"), field: "loss" },
                      fill: { scale: own("colour"), field: "series" },
                      size: { value: 18 },
                    },
                  },
                },
              ]),
        ],
      },
    ],
  };
}
