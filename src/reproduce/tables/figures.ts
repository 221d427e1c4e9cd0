// Figures 4 (CLGAN's losses), 5 and 6 (confusion matrices of CLGAN and DCGAN). The paper does not say at which label count;
// they are drawn from table 1's first row, whose cells they share.

import type { Table } from "./table.ts";
import { table1 } from "./table1.ts";

export const figures: Table = {
  name: "figures",
  title: "Losses of CLGAN; confusion matrices of CLGAN and DCGAN",
  source: "CLGAN paper, figures 4, 5 and 6",
  set: table1.set,
  otherView: table1.otherView,
  notes: ["The paper does not say at which label count its figures were drawn; here it is table 1's first."],
  compared: ["clgan", "dcgan"],
  beside: [],
  settings: table1.settings.slice(0, 1),
  oneSeed: true,
};
