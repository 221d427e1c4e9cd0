// The option --label-file of commands that take a dataset: labels that came after it was made.
import type { Command } from "commander";
import { applyLabels } from "../dataset/label-overlay.ts";
import { readLabelFile } from "../dataset/labels.ts";
import type { Dataset } from "../dataset/types.ts";
import { formatCount } from "./format.ts";
import type { Terminal } from "./terminal.ts";

export interface LabelFlags {
  labelFile?: string[] | undefined;
}

export function addLabelFileOption(command: Command): void {
  command.option(
    "--label-file <file.csv>",
    "labels for rows of the dataset, as `suggest` asks for them or `encode --labels` takes them; may be repeated, the last one wins",
    (path: string, before: string[] = []) => [...before, path],
  );
}

/** The dataset with the labels of all files, one after the other; what they did is said. */
export async function withLabelFiles(
  dataset: Dataset,
  { labelFile = [] }: LabelFlags,
  terminal: Terminal,
): Promise<Dataset> {
  let labelled = dataset;
  for (const path of labelFile) {
    const result = applyLabels(labelled, await readLabelFile(path), path);
    labelled = result.dataset;
    const corrected = result.corrected === 0 ? "" : `, ${formatCount(result.corrected)} corrected`;
    terminal.note(`${path}: ${formatCount(result.labelled)} sessions labelled${corrected}`);
    for (const rule of result.unmatched) terminal.note(`warning: ${path}: ${rule}`);
  }
  return labelled;
}
