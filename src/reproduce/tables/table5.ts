import { REFERENCES } from "../contenders.ts";
import { PER_CLASS, USTC_VIEW } from "./notes.ts";
import { scores, type Table } from "./table.ts";

export const table5: Table = {
  name: "table5",
  title: "CLGAN beside a supervised CNN-LSTM, by labels of each class",
  source: "CLGAN paper, table 5",
  set: "ustc20/SessionL7",
  otherView: "ustc20/SessionAllLayers",
  notes: [USTC_VIEW, PER_CLASS],
  compared: ["cnn-lstm", "clgan"],
  beside: ["clgan-stable", "clgan-scratch", "dcgan", ...REFERENCES],
  settings: [
    {
      labels: "1000/class",
      unlabelled: "all",
      paper: { "cnn-lstm": scores(95.6, 94.8, 94.7, 94.6), clgan: scores(98.2, 98.1, 98.1, 96.0) },
    },
    {
      labels: "2000/class",
      unlabelled: "all",
      paper: { "cnn-lstm": scores(96.7, 95.9, 95.8, 95.7), clgan: scores(98.5, 98.2, 98.8, 97.9) },
    },
    {
      labels: "3000/class",
      unlabelled: "all",
      paper: { "cnn-lstm": scores(96.8, 96.3, 96.9, 96.8), clgan: scores(98.8, 98.8, 98.9, 98.2) },
    },
    {
      labels: "4000/class",
      unlabelled: "all",
      paper: { "cnn-lstm": scores(98.3, 97.8, 97.6, 97.6), clgan: scores(98.9, 98.9, 99.1, 99.1) },
    },
  ],
};
