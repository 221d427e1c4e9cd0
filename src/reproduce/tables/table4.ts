import { REFERENCES } from "../contenders.ts";
import { IMAGES_UNSAID, PER_CLASS } from "./notes.ts";
import { scores, type Table } from "./table.ts";

export const table4: Table = {
  name: "table4",
  title: "CLGAN beside a supervised CNN-LSTM, by labels of each class",
  source: "CLGAN paper, table 4",
  set: "iscx12/SessionAllLayers",
  otherView: "iscx12/SessionL7",
  notes: [IMAGES_UNSAID, PER_CLASS],
  compared: ["cnn-lstm", "clgan"],
  beside: ["clgan-stable", "clgan-scratch", "dcgan", ...REFERENCES],
  settings: [
    {
      labels: "1000/class",
      unlabelled: "all",
      paper: { "cnn-lstm": scores(88.5, 88.8, 88.4, 88.6), clgan: scores(92.3, 92.33, 92.16, 92.1) },
    },
    {
      labels: "2000/class",
      unlabelled: "all",
      paper: { "cnn-lstm": scores(89.8, 89.9, 89.8, 89.7), clgan: scores(92.8, 93.56, 92.82, 92.9) },
    },
    {
      labels: "3000/class",
      unlabelled: "all",
      paper: { "cnn-lstm": scores(92.7, 92.4, 92.6, 92.5), clgan: scores(93.0, 94.6, 93.0, 93.2) },
    },
    {
      labels: "4000/class",
      unlabelled: "all",
      paper: { "cnn-lstm": scores(93.6, 93.7, 93.6, 93.6), clgan: scores(94.1, 93.8, 93.1, 93.1) },
    },
  ],
};
