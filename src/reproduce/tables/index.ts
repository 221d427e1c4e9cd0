// The paper's tables, one file each. To add one: a file that exports a Table, a line here.
import { figures } from "./figures.ts";
import type { Table } from "./table.ts";
import { table1 } from "./table1.ts";
import { table2 } from "./table2.ts";
import { table3 } from "./table3.ts";
import { table4 } from "./table4.ts";
import { table5 } from "./table5.ts";

export { type Labels, type PaperScores, type Setting, settingLabel, type Table } from "./table.ts";

export const TABLES: readonly Table[] = [table1, table2, table3, table4, table5, figures];
