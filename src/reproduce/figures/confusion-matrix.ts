// A confusion matrix: rows are the true classes, columns the verdicts; the colour is the share of the row, the number the
// images. Cells without an image are left white.
import type { Spec } from "vega";

const CELL = 30;
const DARK = 0.55;

export function confusionMatrix(
  title: string,
  subtitle: string,
  classes: readonly string[],
  confusion: readonly (readonly number[])[],
): Spec {
  const values = confusion.flatMap((row, i) => {
    const images = row.reduce((sum, count) => sum + count, 0);
    return row.flatMap((count, j) =>
      count === 0 ? [] : [{ true: classes[i], verdict: classes[j], count, share: count / images }],
    );
  });
  const side = CELL * classes.length;
  const place = {
    x: { scale: "x", field: "verdict" },
    y: { scale: "y", field: "true" },
    width: { scale: "x", band: 1 },
    height: { scale: "y", band: 1 },
  };
  return {
    $schema: "https://vega.github.io/schema/vega/v6.json",
    description: `Confusion matrix: ${title}`,
    width: side,
    height: side,
    padding: 8,
    title: { text: title, subtitle, anchor: "start", offset: 12, frame: "group" },
    data: [{ name: "cells", values }],
    scales: [
      { name: "x", type: "band", domain: [...classes], range: "width" },
      { name: "y", type: "band", domain: [...classes], range: "height" },
      { name: "colour", type: "linear", domain: [0, 1], range: { scheme: "blues" } },
    ],
    axes: [
      {
        orient: "bottom",
        scale: "x",
        title: "verdict",
        labelAngle: -45,
        labelAlign: "right",
        labelBaseline: "middle",
        ticks: false,
        labelPadding: 6,
      },
      { orient: "left", scale: "y", title: "true class", ticks: false, labelPadding: 6 },
    ],
    legends: [
      {
        fill: "colour",
        title: "share of the true class",
        format: ".0%",
        gradientLength: Math.min(160, side),
        orient: "right",
        tickCount: 5,
      },
    ],
    marks: [
      {
        type: "rect",
        encode: {
          enter: {
            width: { signal: "width" },
            height: { signal: "height" },
            stroke: { value: "#666666" },
            fill: { value: null },
          },
        },
      },
      {
        type: "rect",
        from: { data: "cells" },
        encode: { enter: { ...place, fill: { scale: "colour", field: "share" } } },
      },
      {
        type: "text",
        from: { data: "cells" },
        encode: {
          enter: {
            x: { scale: "x", field: "verdict", band: 0.5 },
            y: { scale: "y", field: "true", band: 0.5 },
            text: { field: "count" },
            align: { value: "center" },
            baseline: { value: "middle" },
            fontSize: { value: 10 },
            fill: [{ test: `datum.share > ${DARK}`, value: "white" }, { value: "#222222" }],
          },
        },
      },
    ],
  };
}
