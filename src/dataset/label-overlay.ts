// Labels for a dataset that exists: the rules of a label file on its rows, by row number (as `suggest` names them) or by
// capture and 5-tuple. The images are not touched.
import { FlowglyphError } from "../../bindings/errors.ts";
import { addressKey } from "./address-key.ts";
import { countClasses } from "./dataset.ts";
import { imageDigest } from "./image-hash.ts";
import { isOfRow, type LabelRule, ruleLabeller } from "./labels.ts";
import type { Dataset } from "./types.ts";

export interface Relabelled {
  /** With the rules' labels; classes that it did not have come behind those it had. */
  readonly dataset: Dataset;
  /** Rows that had no label, and rows that had another one. */
  readonly labelled: number;
  readonly corrected: number;
  /** Rules that fit no row: one line each. */
  readonly unmatched: readonly string[];
}

/**
 * @param path Of the label file, for messages.
 * @throws ERR_LABELS: a row that the dataset does not have, or whose image is another one; rules of 5-tuples for a dataset without
 *   them (IDX)
 */
export function applyLabels(dataset: Dataset, rules: readonly LabelRule[], path: string): Relabelled {
  const labels = dataset.labels.slice();
  const named = [...new Set(rules.map((rule) => rule.class))].sort();
  const classes = [...dataset.classes, ...named.filter((name) => !dataset.classes.includes(name))];
  const byRow = rules.filter((rule) => rule.row !== undefined);
  const bySession = rules.filter((rule) => rule.row === undefined);
  const { unmatched } = labelSessions(dataset, bySession, path, (row, name) => {
    labels[row] = classes.indexOf(name);
  });
  for (const rule of byRow) labels[checkedRow(dataset, rule, path)] = classes.indexOf(rule.class);
  const changed = Array.from(labels.keys()).filter((row) => labels[row] !== dataset.labels[row]);
  const manifest = { ...dataset.manifest, ...countClasses(labels, classes) };
  return {
    dataset: { ...dataset, labels, classes, manifest },
    labelled: changed.filter((row) => dataset.labels[row]! < 0).length,
    corrected: changed.filter((row) => dataset.labels[row]! >= 0).length,
    unmatched,
  };
}

function checkedRow(dataset: Dataset, { row, image, line }: LabelRule, path: string): number {
  if (row! >= dataset.count) {
    throw new FlowglyphError(
      "ERR_LABELS",
      `${path}:${line}: expected a row below ${dataset.count}, the dataset's images, but received ${row}`,
    );
  }
  if (image !== undefined && image !== imageDigest(dataset.images, row!)) {
    throw new FlowglyphError(
      "ERR_LABELS",
      `${path}:${line}: expected the dataset that the file was made for, but its row ${row} holds another image`,
    );
  }
  return row!;
}

function labelSessions(
  dataset: Dataset,
  rules: readonly LabelRule[],
  path: string,
  set: (row: number, name: string) => void,
): { readonly unmatched: readonly string[] } {
  if (rules.length === 0) return { unmatched: [] };
  const { columns, groups, groupNames } = dataset;
  if (columns === undefined || groups === undefined || rules.some(isOfRow)) {
    throw new FlowglyphError(
      "ERR_LABELS",
      `${path}:${rules[0]!.line}: expected row numbers, because the dataset has no addresses and captures (IDX)`,
    );
  }
  const labeller = ruleLabeller(rules, groupNames);
  for (let row = 0; row < dataset.count; row++) {
    const label = labeller.labelOf(groups[row]!, () => ({
      protocol: columns.protocol[row]!,
      initiator: addressKey(columns.initiatorAddress[row]!)!,
      initiatorPort: columns.initiatorPort[row]!,
      responder: addressKey(columns.responderAddress[row]!)!,
      responderPort: columns.responderPort[row]!,
    }));
    if (label >= 0) set(row, labeller.classes[label]!);
  }
  return { unmatched: labeller.unmatched() };
}
