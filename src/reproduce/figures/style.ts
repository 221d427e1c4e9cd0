// What all figures share: sized for a column of a paper, and told apart without colour too.
import type { Config } from "vega";

// Okabe and Ito 2008: eight colours that people of every kind of colour vision tell apart; yellow is left out, too pale
// for a line on white, and a grey is put in.
export const COLOURS = [
  "#0072B2",
  "#D55E00",
  "#009E73",
  "#CC79A7",
  "#56B4E9",
  "#E69F00",
  "#000000",
  "#7F7F7F",
];
export const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3], [1, 3], [10, 4], [4, 1], [2, 5]];
export const SHAPES = [
  "circle",
  "square",
  "triangle-up",
  "diamond",
  "cross",
  "triangle-down",
  "triangle-left",
  "triangle-right",
];

export const FONT = "Helvetica, Arial, sans-serif";
const ink = "#222222";

export const CONFIG: Config = {
  background: "white",
  axis: {
    labelFont: FONT,
    titleFont: FONT,
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: "normal",
    labelColor: ink,
    titleColor: ink,
    domainColor: "#666666",
    tickColor: "#666666",
    gridColor: "#e6e6e6",
  },
  legend: {
    labelFont: FONT,
    titleFont: FONT,
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: "normal",
    labelColor: ink,
    titleColor: ink,
    symbolSize: 60,
    symbolStrokeWidth: 2,
    labelLimit: 240,
    titleLimit: 240,
  },
  title: {
    font: FONT,
    fontSize: 13,
    fontWeight: "bold",
    color: ink,
    subtitleFont: FONT,
    subtitleFontSize: 11,
    subtitleColor: ink,
  },
};
