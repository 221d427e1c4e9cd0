// Which capture files test. A capture goes to one part whole, so that no trace of a capture seen in training can help in the
// test (addresses, clocks, one client's habits).
import { FlowglyphError } from "../../bindings/errors.ts";
import { type Random, shuffle } from "./random.ts";
import type { Dataset } from "./types.ts";

// A class may exceed its share of test rows by this factor: captures differ in size and cannot be cut.
const TOLERANCE = 1.25;

/**
 * Chooses test groups so that each class with two captures or more has at least one in each part, and near `testShare` of
 * its rows in the test part. Classes with few captures choose first.
 * @throws FlowglyphError ERR_SPLIT without capture groups, or where no class has two captures
 */
export function chooseTestGroups(
  dataset: Dataset,
  testShare: number,
  random: Random,
): { testGroups: Set<number>; warnings: string[] } {
  const { groups, labels, classes } = dataset;
  if (groups === undefined) {
    throw new FlowglyphError(
      "ERR_SPLIT",
      "Expected a dataset with capture groups for a split by group, but it has none",
    );
  }
  // rows[c]: group -> number of rows of class c in it; classesOf: group -> its classes.
  const rows = classes.map(() => new Map<number, number>());
  const classesOf = new Map<number, Set<number>>();
  for (let row = 0; row < dataset.count; row++) {
    const [label, group] = [labels[row]!, groups[row]!];
    if (label < 0) continue;
    rows[label]!.set(group, (rows[label]!.get(group) ?? 0) + 1);
    if (!classesOf.has(group)) classesOf.set(group, new Set());
    classesOf.get(group)!.add(label);
  }

  const testGroups = new Set<number>();
  const trainGroupsLeft = rows.map((perGroup) => perGroup.size);
  const mayLeave = (group: number): boolean =>
    [...classesOf.get(group)!].every((c) => trainGroupsLeft[c]! >= 2);
  const moveToTest = (group: number): void => {
    testGroups.add(group);
    for (const c of classesOf.get(group)!) trainGroupsLeft[c]!--;
  };
  const order = classes.map((_, c) => c).sort((a, b) => rows[a]!.size - rows[b]!.size || a - b);
  for (const c of order) {
    const perGroup = rows[c]!;
    if (perGroup.size < 2) continue;
    const target = testShare * [...perGroup.values()].reduce((sum, n) => sum + n, 0);
    let inTest = 0;
    for (const [group, n] of perGroup) if (testGroups.has(group)) inTest += n;
    const candidates = shuffle(
      [...perGroup.keys()].sort((a, b) => a - b),
      random,
    ).filter((group) => !testGroups.has(group));
    for (const group of candidates) {
      if (inTest >= target) break;
      const n = perGroup.get(group)!;
      if (inTest + n > target * TOLERANCE || !mayLeave(group)) continue;
      moveToTest(group);
      inTest += n;
    }
    if (inTest > 0) continue;
    // Every capture is larger than the share: the smallest that may leave.
    const smallest = candidates.filter(mayLeave).sort((a, b) => perGroup.get(a)! - perGroup.get(b)!)[0];
    if (smallest !== undefined) moveToTest(smallest);
  }
  if (testGroups.size === 0) {
    throw new FlowglyphError(
      "ERR_SPLIT",
      "Expected at least one class with two capture files or more for a split by group, but every class comes from one",
    );
  }
  const warnings: string[] = [];
  for (const [c, name] of classes.entries()) {
    const perGroup = rows[c]!;
    if (perGroup.size === 0 || [...perGroup.keys()].some((group) => testGroups.has(group))) continue;
    const reason =
      perGroup.size === 1 ? "one capture file" : "no capture file that could leave the training part";
    warnings.push(`class ${JSON.stringify(name)} has ${reason}: it is trained and not tested`);
  }
  return { testGroups, warnings };
}
