// report.md and results.csv of a comparison: pure functions of its summary.
import { stringify } from "csv-stringify/sync";
import { markdownTable, percent, sentence } from "../reproduce/markdown.ts";
import { cellsSection } from "../reproduce/report.ts";
import type { PairedDifference } from "./paired.ts";
import { REFERENCE } from "./settings.ts";
import type { ComparedScore, ComparedSetting, Comparison } from "./summary.ts";

/** Charts by set, with files relative to the report. */
export type ChartFiles = ReadonlyMap<string, readonly { readonly file: string; readonly caption: string }[]>;

/** @param command the words that make a set's tables again, without `flowglyph`; folders as DATA and OUT */
export function markdownReport(
  comparison: Comparison,
  charts: ChartFiles,
  command: (set: string) => string,
): string {
  const { cellsDone, cellsAsked, quick, training, settings, notes } = comparison;
  const changed = Object.entries(training)
    .map(([key, value]) => `${key} ${value}`)
    .join(", ");
  const sets = [...new Set(settings.map(({ set }) => set))];
  const parts = [
    "# Models compared by label count",
    `${cellsDone} of ${cellsAsked} cells were run; a cell is one training: a model, its images and labels, a seed. A dash is a cell that was not run.`,
    ...(quick
      ? [
          "**The small version (`--quick`): a few images, labels and epochs. It shows that everything works; its scores mean nothing.**",
        ]
      : []),
    "Accuracy in per cent, mean ± sample standard deviation over the seeds; macro-F1 likewise in brackets. With one seed every model learns from the same labelled images and is tested on the same test images. Labels include the validation part, which models without epochs learn from too. Exact copies of an image were removed after masking, those between the training and the test part included. *trees*, *nearest* and *majority* are extremely randomised trees on the bytes, the nearest training image and the largest class.",
    "Differences are of accuracy, in points, over the seeds that both models were run with; ± is the 95 % interval of a paired t test, and a difference outside it is set in bold.",
    ...(changed === "" ? [] : [`Networks are trained with \`train\`'s defaults but for ${changed}.`]),
    "## In short",
    markdownTable(shortTable(settings)),
    ...sets.map((set) =>
      setSection(
        settings.filter((setting) => setting.set === set),
        notes[set] ?? [],
        charts.get(set) ?? [],
        command(set),
      ),
    ),
    cellsSection(comparison.cells),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** A line a set, mask and split: at each label count who is best, by how much over trees. */
function shortTable(settings: readonly ComparedSetting[]): string[][] {
  const counts = [...new Set(settings.map(({ labels }) => labels))];
  const lines = new Map<string, ComparedSetting[]>();
  for (const setting of settings) {
    const id = JSON.stringify([setting.set, setting.mask, setting.split]);
    lines.set(id, [...(lines.get(id) ?? []), setting]);
  }
  return [
    ["images", "view, mask", "split", ...counts.map((labels) => `${labels} labels`), "seeds"],
    ...[...lines.values()].map((line) => [
      line[0]!.set,
      `${line[0]!.view}, ${line[0]!.mask}`,
      line[0]!.split,
      ...counts.map((labels) => bestText(line.find((setting) => setting.labels === labels))),
      seedsText(line.flatMap(({ models }) => models)),
    ]),
  ];
}

/** "trees 87.8", "clgan2 92.6 (trees 87.8)". */
function bestText(setting: ComparedSetting | undefined): string {
  const best = setting?.models.find(({ contender }) => contender === setting.winner);
  if (setting === undefined || best === undefined) return "–";
  const text = `${best.title} ${percent(best.scores!.accuracy.mean)}`;
  const trees = setting.models.find(({ contender }) => contender === REFERENCE);
  // Nobody is best before trees have run.
  if (trees !== undefined && trees.scores === null) return "–";
  if (trees === best || !trees?.scores) return text;
  return `${text} (${trees.title} ${percent(trees.scores.accuracy.mean)})`;
}

function setSection(
  settings: readonly ComparedSetting[],
  notes: readonly string[],
  charts: readonly { readonly file: string; readonly caption: string }[],
  command: string,
): string {
  const { set, title, classes } = settings[0]!;
  const models = settings[0]!.models;
  const made = ["Made by", `    flowglyph ${command}`].join("\n\n");
  const table = (
    cell: (score: ComparedScore) => string,
    only: (score: ComparedScore) => boolean = () => true,
  ) => [
    markdownTable([
      [...LEAD, ...models.filter(only).map((model) => model.title), "seeds"],
      ...settings.map((setting) => [
        ...lead(setting),
        ...setting.models.filter(only).map(cell),
        seedsText(setting.models),
      ]),
    ]),
    made,
  ];
  const winners = settings.map(({ winner, models: all }) =>
    all.find(({ contender }) => contender === winner),
  );
  const failures = [...new Set(models.flatMap((model) => model.failures))];
  const hasReference = models.some(({ contender }) => contender === REFERENCE);
  return [
    `## ${set}`,
    `${sentence(title)} ${classes} classes.`,
    ...table(scoreText),
    ...(hasReference && models.length > 1
      ? [
          `### ${set}: accuracy over trees, in points`,
          ...table(
            ({ overTrees }) => differenceText(overTrees),
            ({ contender }) => contender !== REFERENCE,
          ),
        ]
      : []),
    ...(models.length > 1
      ? [
          `### ${set}: accuracy over the winner, in points`,
          markdownTable([
            [...LEAD, "winner", ...models.map((model) => model.title), "seeds"],
            ...settings.map((setting, i) => [
              ...lead(setting),
              winners[i]?.title ?? "–",
              ...setting.models.map((model) =>
                model.contender === setting.winner ? "" : differenceText(model.overWinner),
              ),
              seedsText(setting.models),
            ]),
          ]),
          made,
        ]
      : []),
    `### ${set}: seconds of a training, with its scoring and export`,
    ...table(({ seconds }) => (seconds === null ? "–" : seconds.toFixed(seconds < 10 ? 1 : 0))),
    ...charts.map(({ file, caption }) => `![${caption}](${file})`),
    [...notes.map(sentence), ...failures.map((failure) => `Failed: ${failure}`)]
      .map((line) => `- ${line}`)
      .join("\n"),
  ].join("\n\n");
}

const LEAD = ["labels", "images: labelled, test", "view, mask", "split"];
const lead = ({ labels, labelledImages, testImages, view, mask, split }: ComparedSetting): string[] => [
  labels,
  `${labelledImages}, ${testImages ?? "–"}`,
  `${view}, ${mask}`,
  split,
];

/** "87.8 ± 0.9 (85.3 ± 1.1)"; without deviations where there is one seed. */
function scoreText({ scores, seeds, failures }: ComparedScore): string {
  if (scores === null) return failures.length > 0 ? "failed" : "–";
  const text = ({ mean, deviation }: { mean: number; deviation: number }) =>
    seeds.length > 1 ? `${percent(mean)} ± ${percent(deviation)}` : percent(mean);
  return `${text(scores.accuracy)} (${text(scores.macroF1)})`;
}

/** "**+3.2 ± 1.1**", "-0.4 ± 2.0", "+3.2" of one pair. */
function differenceText(difference: PairedDifference | null): string {
  if (difference === null) return "–";
  const { mean, margin } = difference;
  const points = `${mean < 0 ? "−" : "+"}${percent(Math.abs(mean))}`;
  if (margin === null) return points;
  const text = `${points} ± ${percent(margin)}`;
  return Math.abs(mean) > margin ? `**${text}**` : text;
}

/** Of those that were run at all: "5", "1 to 5". */
function seedsText(models: readonly ComparedScore[]): string {
  const counts = models.map(({ seeds }) => seeds.length).filter((count) => count > 0);
  if (counts.length === 0) return "0";
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  return least === most ? String(most) : `${least} to ${most}`;
}

/** One line a setting and model: for spreadsheets and data frames. Shares are per cent. */
export function csvReport({ settings }: Comparison): string {
  const number = (value: number | null | undefined) =>
    value === undefined || value === null ? "" : (100 * value).toFixed(3);
  const records = settings.flatMap((setting) =>
    setting.models.map((model) => ({
      set: setting.set,
      view: setting.view,
      mask: setting.mask,
      split: setting.split,
      labels: setting.labels,
      labelled_images: setting.labelledImages,
      test_images: setting.testImages ?? "",
      contender: model.contender,
      model: model.model,
      unlabelled_images: model.unlabelledImages,
      seeds: model.seeds.join(" "),
      accuracy: number(model.scores?.accuracy.mean),
      accuracy_deviation: number(model.scores?.accuracy.deviation),
      macro_f1: number(model.scores?.macroF1.mean),
      macro_f1_deviation: number(model.scores?.macroF1.deviation),
      accuracies: model.accuracies.map((value) => (100 * value).toFixed(3)).join(" "),
      macro_f1s: model.macroF1s.map((value) => (100 * value).toFixed(3)).join(" "),
      over_trees: number(model.overTrees?.mean),
      over_trees_margin: number(model.overTrees?.margin),
      winner: setting.winner ?? "",
      over_winner: number(model.overWinner?.mean),
      over_winner_margin: number(model.overWinner?.margin),
      pairs: model.overTrees?.pairs ?? "",
      seconds: model.seconds?.toFixed(1) ?? "",
      failures: model.failures.join("; "),
    })),
  );
  return stringify(records, { header: true });
}
