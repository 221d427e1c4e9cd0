import { REFERENCES } from "../contenders.ts";
import { IMAGES_UNSAID } from "./notes.ts";
import { scores, type Table } from "./table.ts";

export const table2: Table = {
  name: "table2",
  title: "CLGAN beside an autoencoder, by images without labels",
  source: "CLGAN paper, table 2",
  set: "iscx12/SessionAllLayers",
  otherView: "iscx12/SessionL7",
  notes: [IMAGES_UNSAID, "Labels are counted over all classes."],
  compared: ["clgan", "ae"],
  beside: ["clgan-stable", "clgan-scratch", "bytesgan", ...REFERENCES],
  settings: [
    {
      labels: 1000,
      unlabelled: 4000,
      paper: { clgan: scores(97.8, 97.5, 97.8, 97.5), ae: scores(96.2, 96.3, 96.2, 96.1) },
    },
    {
      labels: 1000,
      unlabelled: 6000,
      paper: { clgan: scores(98.0, 98.2, 98.4, 97.9), ae: scores(96.5, 96.2, 96.4, 96.4) },
    },
    {
      labels: 1000,
      unlabelled: 8000,
      paper: { clgan: scores(98.1, 98.1, 98.4, 98.1), ae: scores(97.2, 97.1, 97.1, 97.2) },
    },
  ],
};
