// Scores as text for a terminal or a log: plain aligned columns, no colour. Pure functions.
import type { BaselineScore, SkippedBaseline } from "./baselines.ts";
import type { Evaluation } from "./evaluate.ts";
import { formatTable } from "./table.ts";

/** Without which a score means little. */
export interface ScoreContext {
  readonly name: string;
  readonly view: string;
  readonly mask: string;
  /** Of TCP payload; said of view l7, where it makes a difference. */
  readonly order?: string | undefined;
  /** `random`, `group`, `given`, or `all` where every labelled row was scored. */
  readonly split: string;
  /** Label budget and rows, or undefined where the model does not say. */
  readonly labels?: string | undefined;
  readonly labelled?: number | undefined;
  readonly unlabelled?: number | undefined;
  readonly seed?: number | undefined;
}

const percent = (value: number) => (value * 100).toFixed(2);
const ratio = (value: number) => value.toFixed(4);

/** One line that says what the scores below were measured on. */
export function describeContext(context: ScoreContext, images: number): string {
  const { view, mask, order, split, labels, labelled, unlabelled, seed } = context;
  const parts = [
    `${images} images`,
    view === "l7" && order !== undefined ? `view l7 in ${order} order` : `view ${view}`,
    `mask ${mask}`,
    `split ${split}`,
    ...(labels === undefined
      ? []
      : [`labels ${labels}${labelled === undefined ? "" : ` (${labelled} rows to learn from)`}`]),
    ...(unlabelled === undefined ? [] : [`${unlabelled} unlabelled`]),
    ...(seed === undefined ? [] : [`seed ${seed}`]),
  ];
  return parts.join(", ");
}

/** The model's accuracy and macro-F1 beside the baselines' on the same images. */
export function scoreTable(
  name: string,
  evaluation: Evaluation,
  baselines: readonly (BaselineScore | SkippedBaseline)[],
): string {
  const rows = [
    ["", "accuracy %", "macro-F1 %"],
    [name, percent(evaluation.accuracy), percent(evaluation.macroF1)],
  ];
  const skipped: string[] = [];
  for (const baseline of baselines) {
    if ("skipped" in baseline) skipped.push(`${baseline.name}: skipped, ${baseline.skipped}\n`);
    else rows.push([baseline.name, percent(baseline.accuracy), percent(baseline.macroF1)]);
  }
  return formatTable(rows, [1, 2]) + skipped.join("");
}

/** One line a class, then the averages. */
export function classTable(evaluation: Evaluation): string {
  const { perClass, macro, weighted } = evaluation;
  const numbers = (scores: typeof macro) =>
    [scores.precision, scores.recall, scores.f1, scores.specificity, scores.negativePredictiveValue].map(
      ratio,
    );
  const rows = [
    ["class", "images", "precision", "recall", "F1", "specificity", "NPV"],
    ...perClass.map((scores) => [scores.class, String(scores.support), ...numbers(scores)]),
    ["macro average", String(evaluation.images), ...numbers(macro)],
    ["weighted average", String(evaluation.images), ...numbers(weighted)],
  ];
  return formatTable(rows, [1, 2, 3, 4, 5, 6]);
}

/** Rows are the true classes, columns (by number) the verdicts; zeros are dots, so that mistakes stand out. */
export function confusionTable({ confusion, classes }: Pick<Evaluation, "confusion" | "classes">): string {
  const rows = [
    ["", "", ...classes.map((_, index) => String(index))],
    ...confusion.map((counts, index) => [
      String(index),
      classes[index]!,
      ...counts.map((count) => (count === 0 ? "." : String(count))),
    ]),
  ];
  return formatTable(
    rows,
    rows[0]!.map((_, column) => column).filter((column) => column !== 1),
  );
}

/** Everything: what was measured, the scores beside the baselines, each class, the confusion matrix. */
export function evaluationReport(
  evaluation: Evaluation,
  context: ScoreContext,
  baselines: readonly (BaselineScore | SkippedBaseline)[],
): string {
  return [
    `${describeContext(context, evaluation.images)}\n`,
    scoreTable(context.name, evaluation, baselines),
    classTable(evaluation),
    `confusion matrix: rows are the true classes, columns the verdicts\n${confusionTable(evaluation)}`,
  ].join("\n");
}
