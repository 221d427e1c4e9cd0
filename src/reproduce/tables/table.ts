// What a table of the paper is as data: on which images, with which label counts, who is compared, and what was reported.
import type { TrainingConfig } from "../../training/index.ts";
import type { ContenderName } from "../contenders.ts";
import type { ImageSetName } from "../image-sets.ts";

/** Per cent, as printed in the paper. Which average its precision, recall and F1 are, it does not say. */
export interface PaperScores {
  readonly accuracy: number;
  readonly precision?: number;
  readonly recall?: number;
  readonly f1?: number;
}

export type Labels = TrainingConfig["labels"];

/** One label count, and what the paper reports at it. */
export interface Setting {
  readonly labels: Labels;
  /** Images without labels, beside the labelled ones. */
  readonly unlabelled: number | "all";
  readonly paper: Partial<Record<ContenderName, PaperScores>>;
  /** The setting that a small version stands for. */
  readonly insteadOf?: string;
}

export interface Table {
  readonly name: string;
  readonly title: string;
  /** Where in the paper. */
  readonly source: string;
  /** The image set, and the same sessions in another view, where that is asked for. */
  readonly set: ImageSetName;
  readonly otherView: ImageSetName;
  /** What had to be decided because the paper does not say. */
  readonly notes: readonly string[];
  /** Whom the paper compares. */
  readonly compared: readonly ContenderName[];
  /** Whom we put beside them. */
  readonly beside: readonly ContenderName[];
  readonly settings: readonly Setting[];
  /** Only the first seed is run: what is drawn is one run. */
  readonly oneSeed?: boolean;
}

/** Accuracy, precision, recall, F1, in the paper's order. */
export function scores(accuracy: number, precision: number, recall: number, f1: number): PaperScores {
  return { accuracy, precision, recall, f1 };
}

/** "10% + the rest", "1000 + 4000". */
export function settingLabel(labels: Labels, unlabelled: number | "all"): string {
  return `${labels} + ${unlabelled === "all" ? "the rest" : unlabelled}`;
}
