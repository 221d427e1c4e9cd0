// Scores as text for a terminal or a log: plain aligned columns, no colour. Pure functions.
import type { BaselineScore, SkippedBaseline } from "./baselines.ts";
import type { CalibrationErrors, CalibrationOutcome } from "./calibration.ts";
import type { Evaluation } from "./evaluate.ts";
import type { MeasuredLevel } from "./risk-coverage.ts";
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

const CALIBRATED_ON = {
  validation: (rows: number) => `fitted on ${rows} validation images`,
  "cross-fit": (rows: number) =>
    `fitted on ${rows} labelled images, each asked of a model that had not seen it`,
  none: () => "no image to fit it on",
} as const;

/** How far probabilities are from what they say, before and after the calibrator; empty without test images. */
export function calibrationLines({
  temperature,
  chance,
  rows,
  source,
  before,
  after,
}: CalibrationOutcome): string {
  if (before === null || after === null) return "";
  const errors = ({ expectedError, logLoss }: CalibrationErrors) =>
    `expected calibration error ${percent(expectedError)} %, log loss ${ratio(logLoss)}`;
  const mixed = chance === 0 ? "" : `, ${percent(chance)} % chance`;
  return `probabilities: ${errors(after)}; uncalibrated ${errors(before)}\n  temperature ${temperature.toFixed(3)}${mixed}: ${CALIBRATED_ON[source](rows)}\n`;
}

/** What the verdict `unknown` costs and spares, for each error that may be asked for; empty where nothing is promised. */
export function unknownLines(measured: readonly MeasuredLevel[]): string {
  const possible = measured.filter(({ level }) => level !== undefined);
  const impossible = measured.filter(({ level }) => level === undefined).map(({ asked }) => percent(asked));
  const rows = possible.map(({ asked, level, unknown, wrong }) => [
    percent(asked),
    level!.threshold.toFixed(4),
    percent(unknown!),
    percent(wrong!),
  ]);
  const table =
    rows.length === 0
      ? ""
      : formatTable(
          [["--unknown-error %", "threshold", "unknown %", "wrong of the rest %"], ...rows],
          [0, 1, 2, 3],
        );
  return (
    table +
    (impossible.length === 0 ? "" : `--unknown-error ${impossible.join(", ")} %: cannot be promised\n`)
  );
}

/** Everything: what was measured, the scores beside the baselines, the calibration, each class, the confusion matrix. */
export function evaluationReport(
  evaluation: Evaluation,
  context: ScoreContext,
  baselines: readonly (BaselineScore | SkippedBaseline)[],
  calibrated?: CalibrationOutcome | undefined,
  unknown: readonly MeasuredLevel[] = [],
): string {
  return [
    `${describeContext(context, evaluation.images)}\n`,
    scoreTable(context.name, evaluation, baselines),
    ...(calibrated === undefined || calibrated.after === null ? [] : [calibrationLines(calibrated)]),
    ...(unknown.length === 0 ? [] : [unknownLines(unknown)]),
    classTable(evaluation),
    `confusion matrix: rows are the true classes, columns the verdicts\n${confusionTable(evaluation)}`,
  ].join("\n");
}
