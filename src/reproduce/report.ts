// report.md and results.csv: what was run, beside what the paper reports. Pure functions of the summary.
import { stringify } from "csv-stringify/sync";
import { machineLine } from "./machine.ts";
import { groupNotes, markdownTable, percent, sentence } from "./markdown.ts";
import type { CellSummary, RowSummary, Summary, TableSummary } from "./summary.ts";
import type { PaperScores } from "./tables/index.ts";

/** Files of figures, relative to the report, by table. */
export type FigureFiles = ReadonlyMap<string, readonly { readonly file: string; readonly caption: string }[]>;

export function markdownReport(summary: Summary, figures: FigureFiles): string {
  const { cellsDone, cellsAsked, quick, training } = summary;
  const changed = Object.entries(training)
    .map(([key, value]) => `${key} ${value}`)
    .join(", ");
  const parts = [
    "# The paper's tables, and ours",
    `${cellsDone} of ${cellsAsked} cells were run; a cell is one training: a model, its images and labels, a seed. A dash is a cell that was not run.`,
    ...(quick
      ? [
          "**The small version (`--quick`): a few images, labels and epochs. It shows that everything works; its scores mean nothing.**",
        ]
      : []),
    "Accuracy in per cent, mean ± sample standard deviation over the seeds; macro-F1 likewise in brackets (the paper does not say which average its F1 is). Every model learns from the same labelled images and is tested on the same test images; *trees*, *nearest* and *majority* are extremely randomised trees on the bytes, the nearest training image and the largest class.",
    ...(changed === "" ? [] : [`Networks are trained with \`train\`'s defaults but for ${changed}.`]),
    ...summary.tables.map((table) => tableSection(table, figures.get(figureKey(table)) ?? [])),
    cellsSection(summary.cells),
  ];
  return `${parts.join("\n\n")}\n`;
}

export const figureKey = ({ name, set }: Pick<TableSummary, "name" | "set">): string =>
  `${name}-${set.replace("/", "-")}`;

function tableSection(
  table: TableSummary,
  figures: readonly { readonly file: string; readonly caption: string }[],
): string {
  const { name, title, source, set, setTitle, classes, caution, notes } = table;
  const groups = settings(table);
  const rowNotes = groupNotes(
    groups.flatMap(({ label, rows }) =>
      rows.flatMap((row) => row.notes.map((note) => [label, note] as const)),
    ),
  ).map(([note, labels]) => (labels.length === groups.length ? note : `${labels.join(", ")}: ${note}`));
  const cleanNotes = groups.flatMap(({ label, rows }) => {
    const clean = rows.flatMap(({ title, withoutLeaked }) =>
      withoutLeaked === null
        ? []
        : [`${title} ${percent(withoutLeaked.accuracy)} (${percent(withoutLeaked.macroF1)})`],
    );
    return clean.length === 0 ? [] : [`${label}, without those copies: ${clean.join(", ")}`];
  });
  const failures = table.rows.flatMap((row) => row.failures);
  const list = [
    ...(caution === "" ? [] : [`Caution: ${caution}.`]),
    ...notes.map(sentence),
    ...rowNotes.map(sentence),
    ...cleanNotes.map(sentence),
    ...[...new Set(failures)].map((failure) => `Failed: ${failure}`),
  ];
  return [
    `## ${name[0]!.toUpperCase()}${name.slice(1).replace(/(\d)/, " $1")}: ${title}`,
    `${source}. Images: ${setTitle} (${set}), ${classes} classes.`,
    markdownTable(comparison(table)),
    list.map((line) => `- ${line}`).join("\n"),
    ...figures.map(({ file, caption }) => `![${caption}](${file})`),
  ].join("\n\n");
}

export interface SettingRows {
  readonly label: string;
  readonly rows: readonly RowSummary[];
}

/** The rows of a table by setting. A supervised contender has no pool of its own and stands in each setting's line. */
export function settings({ rows }: TableSummary): SettingRows[] {
  return [...new Set(rows.map(({ setting }) => setting))].map((number) => {
    const group = rows.filter(({ setting }) => setting === number);
    return { label: group[0]!.label, rows: group };
  });
}

function comparison(table: TableSummary): string[][] {
  const contenders = [...new Map(table.rows.map((row) => [row.contender, row.title]))];
  const inPaper = new Set(table.rows.filter(({ paper }) => paper !== null).map(({ contender }) => contender));
  const header = [
    "labelled + unlabelled",
    "images",
    "view, mask",
    "split",
    ...contenders.flatMap(([name, title]) =>
      inPaper.has(name) ? [`${title}, paper`, `${title}, ours`] : [title],
    ),
    "seeds",
  ];
  const lines = settings(table).map(({ label, rows }) => {
    const first = rows[0]!;
    const pool = Math.max(...rows.map(({ unlabelledImages }) => unlabelledImages));
    // Of those that were run at all.
    const seeds = rows.map((row) => row.seeds.length).filter((count) => count > 0);
    const [least, most] = seeds.length === 0 ? [0, 0] : [Math.min(...seeds), Math.max(...seeds)];
    return [
      label,
      `${first.labelledImages} + ${pool}`,
      `${first.view}, ${first.mask}`,
      first.split,
      ...contenders.flatMap(([name]) => {
        const row = rows.find(({ contender }) => contender === name);
        const ours = row === undefined ? "" : scoreText(row);
        return inPaper.has(name) ? [row?.paper ? paperText(row.paper) : "", ours] : [ours];
      }),
      least === most ? String(most) : `${least} to ${most}`,
    ];
  });
  return [header, ...lines];
}

/** "77.2 ± 0.5 (70.1 ± 0.8)"; without a deviation where there is one seed. */
export function scoreText({ scores, seeds, failures }: RowSummary): string {
  if (scores === null) return failures.length > 0 ? "failed" : "–";
  const text = ({ mean, deviation }: { mean: number; deviation: number }) =>
    seeds.length > 1 ? `${percent(mean)} ± ${percent(deviation)}` : percent(mean);
  return `${text(scores.accuracy)} (${text(scores.macroF1)})`;
}

/** "97.80 (97.50)"; table 1 has no F1. */
const paperText = ({ accuracy, f1 }: PaperScores): string =>
  accuracy.toFixed(2) + (f1 === undefined ? "" : ` (${f1.toFixed(2)})`);

export function cellsSection(cells: readonly CellSummary[]): string {
  if (cells.length === 0) return "## What was run\n\nNothing yet.";
  const machines = [...new Set(cells.map((cell) => machineLine(cell.machine)))];
  const rows = cells.map((cell) => [
    `\`${cell.key}\``,
    percent(cell.accuracy),
    percent(cell.macroF1),
    cell.seconds.toFixed(cell.seconds < 10 ? 1 : 0) +
      (cell.sharedSeconds === 0 ? "" : ` + ${cell.sharedSeconds.toFixed(0)} shared`),
    `${cell.device}, ${cell.threads} ${cell.threads === 1 ? "thread" : "threads"}`,
    cell.machine.libtorch ?? "none",
    cell.machine.commit ?? cell.machine.flowglyph,
    cell.finished.slice(0, 16).replace("T", " "),
    String(machines.indexOf(machineLine(cell.machine)) + 1),
  ]);
  const warnings = groupNotes(
    cells.flatMap(({ key, warnings }) => warnings.map((warning) => [`\`${key}\``, warning] as const)),
  ).map(([warning, keys]) => `- ${sentence(warning)} (${keys.join(", ")})`);
  return [
    "## What was run",
    markdownTable([
      [
        "cell",
        "accuracy %",
        "macro-F1 %",
        "seconds",
        "device",
        "libtorch",
        "commit",
        "finished (UTC)",
        "machine",
      ],
      ...rows,
    ]),
    ...(cells.some(({ sharedSeconds }) => sharedSeconds > 0)
      ? [
          "*Shared* seconds are those of a pre-training on the whole training part, which every cell of that contender and seed starts from.",
        ]
      : []),
    machines.map((line, i) => `Machine ${i + 1}: ${line}.`).join("\n"),
    ...(warnings.length === 0 ? [] : ["### Warnings of these runs", warnings.join("\n")]),
  ].join("\n\n");
}

/** One line a row of a table: for spreadsheets and data frames. Shares are per cent. */
export function csvReport(summary: Summary): string {
  const number = (value: number | undefined) => (value === undefined ? "" : (100 * value).toFixed(3));
  const records = summary.tables.flatMap((table) =>
    table.rows.map((row) => ({
      table: table.name,
      setting: row.label,
      set: row.set,
      view: row.view,
      mask: row.mask,
      split: row.split,
      contender: row.contender,
      model: row.model,
      labels: row.labels,
      unlabelled: row.unlabelled,
      labelled_images: row.labelledImages,
      unlabelled_images: row.unlabelledImages,
      paper_accuracy: row.paper?.accuracy ?? "",
      paper_precision: row.paper?.precision ?? "",
      paper_recall: row.paper?.recall ?? "",
      paper_f1: row.paper?.f1 ?? "",
      accuracy: number(row.scores?.accuracy.mean),
      accuracy_deviation: number(row.scores?.accuracy.deviation),
      macro_f1: number(row.scores?.macroF1.mean),
      macro_f1_deviation: number(row.scores?.macroF1.deviation),
      macro_precision: number(row.scores?.macroPrecision.mean),
      macro_recall: number(row.scores?.macroRecall.mean),
      weighted_f1: number(row.scores?.weightedF1.mean),
      accuracy_without_copies: number(row.withoutLeaked?.accuracy),
      macro_f1_without_copies: number(row.withoutLeaked?.macroF1),
      seeds: row.seeds.join(" "),
      seconds: row.seconds?.toFixed(1) ?? "",
      machine: row.machines.join("; "),
      notes: [...row.notes, ...row.failures].join("; "),
    })),
  );
  return stringify(records, { header: true });
}
