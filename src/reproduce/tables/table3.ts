import { REFERENCES } from "../contenders.ts";
import { USTC_VIEW } from "./notes.ts";
import { scores, type Table } from "./table.ts";

export const table3: Table = {
  name: "table3",
  title: "CLGAN beside an autoencoder, by labels and by images without labels",
  source: "CLGAN paper, table 3",
  set: "ustc20/SessionL7",
  otherView: "ustc20/SessionAllLayers",
  notes: [USTC_VIEW, "Labels are counted over all classes: 100 are 5 of each."],
  compared: ["clgan", "ae"],
  beside: ["clgan-stable", "clgan-scratch", "bytesgan", ...REFERENCES],
  settings: [
    {
      labels: 100,
      unlabelled: 4000,
      paper: { clgan: scores(89.3, 89.4, 89.4, 89.3), ae: scores(83.2, 83.7, 83.7, 83.9) },
    },
    {
      labels: 100,
      unlabelled: 8000,
      paper: { clgan: scores(93.5, 93.6, 93.5, 93.5), ae: scores(90.3, 90.1, 90.3, 90.2) },
    },
    {
      labels: 100,
      unlabelled: 12_000,
      paper: { clgan: scores(94.9, 94.9, 94.9, 94.8), ae: scores(93.0, 93.0, 93.1, 92.9) },
    },
    {
      labels: 1000,
      unlabelled: 4000,
      paper: { clgan: scores(98.0, 98.3, 98.1, 98.5), ae: scores(97.1, 97.2, 97.2, 97.3) },
    },
    {
      labels: 1000,
      unlabelled: 8000,
      paper: { clgan: scores(98.1, 98.1, 98.3, 98.2), ae: scores(98.0, 97.2, 97.2, 97.2) },
    },
    {
      labels: 1000,
      unlabelled: 12_000,
      paper: { clgan: scores(98.6, 98.6, 98.6, 98.7), ae: scores(98.4, 98.4, 98.4, 98.4) },
    },
  ],
};
