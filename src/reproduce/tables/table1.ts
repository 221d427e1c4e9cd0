import { REFERENCES } from "../contenders.ts";
import { IMAGES_UNSAID } from "./notes.ts";
import type { Table } from "./table.ts";

export const table1: Table = {
  name: "table1",
  title: "CLGAN beside DCGAN, by share of labels",
  source: "CLGAN paper, table 1",
  set: "iscx12/SessionAllLayers",
  otherView: "iscx12/SessionL7",
  notes: [IMAGES_UNSAID, "The rest of the training part is the unlabelled pool."],
  compared: ["clgan", "dcgan"],
  beside: ["clgan-stable", "clgan-scratch", "cnn-lstm", "bytesgan", ...REFERENCES],
  settings: [
    { labels: "10%", unlabelled: "all", paper: { clgan: { accuracy: 94.22 }, dcgan: { accuracy: 89.27 } } },
    { labels: "30%", unlabelled: "all", paper: { clgan: { accuracy: 96.85 }, dcgan: { accuracy: 91.36 } } },
    { labels: "50%", unlabelled: "all", paper: { clgan: { accuracy: 98.56 }, dcgan: { accuracy: 93.2 } } },
    { labels: "70%", unlabelled: "all", paper: { clgan: { accuracy: 98.97 }, dcgan: { accuracy: 94.17 } } },
  ],
};
