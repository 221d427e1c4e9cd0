// Splits of one dataset for several label budgets that share their rows: every budget's labelled and validation rows are
// among the largest one's, test part and pool are the same for all. So curves over label counts compare like with like,
// and one pre-training on the pool serves them all.
import { FlowglyphError } from "../../bindings/errors.ts";
import { seededRandom, shuffle } from "./random.ts";
import { makeSplit, type SplitOptions } from "./split.ts";
import { proportionalShares } from "./stratify.ts";
import type { Dataset, Split } from "./types.ts";

// Below a hundred are makeSplit's and the trainer's from there.
const STREAM = { labelled: 21, validation: 22 } as const;

/**
 * One split a budget, in the order of `budgets`. The largest is `makeSplit`'s; the others are stratified samples of its
 * labelled and validation rows. Labelled rows that a smaller budget leaves out are unlabelled there, and validation rows
 * that it leaves out are in no part: the union of `labelled` and `unlabelled` is the same rows for all.
 *
 * @param budgets Label counts, validation included.
 * @throws ERR_ARGUMENT, ERR_SPLIT as `makeSplit`; ERR_SPLIT where a budget has fewer labelled rows than classes to show
 */
export function makeNestedSplits(
  dataset: Dataset,
  options: Omit<SplitOptions, "labels">,
  budgets: readonly number[],
): Split[] {
  const largest = makeSplit(dataset, { ...options, labels: Math.max(...budgets) });
  const total = largest.labelled.length + largest.validation.length;
  const sample = (rows: Uint32Array, count: number, stream: number, floor: number): Uint32Array => {
    const byClass = dataset.classes.map((_, label) =>
      [...rows].filter((row) => dataset.labels[row] === label),
    );
    const sizes = byClass.map((list) => list.length);
    const shares = proportionalShares(sizes, count, { floor });
    const random = seededRandom(largest.seed, stream);
    // Every list is shuffled whole, so that a smaller share is the beginning of a larger one.
    return Uint32Array.from(byClass.flatMap((list, i) => shuffle(list, random).slice(0, shares[i]!))).sort();
  };
  return budgets.map((budget) => {
    if (budget >= total) return largest;
    const held = Math.round((largest.validation.length * budget) / total);
    if (budget - held < 1) {
      throw new FlowglyphError(
        "ERR_SPLIT",
        `Expected budgets of a labelled image or more but received ${budget}`,
      );
    }
    const labelled = sample(largest.labelled, budget - held, STREAM.labelled, 1);
    const chosen = new Set(labelled);
    const rest = largest.labelled.filter((row) => !chosen.has(row));
    return {
      ...largest,
      labelled,
      validation: sample(largest.validation, held, STREAM.validation, 0),
      unlabelled: Uint32Array.from([...largest.unlabelled, ...rest]).sort(),
      warnings: [...(largest.warnings ?? []), ...missingClasses(dataset, labelled, largest.labelled)],
    };
  });
}

/** Classes that the largest budget shows and this one does not. */
function missingClasses(dataset: Dataset, labelled: Uint32Array, of: Uint32Array): string[] {
  const shown = new Set([...labelled].map((row) => dataset.labels[row]));
  const missing = dataset.classes.filter(
    (_, label) => !shown.has(label) && of.some((row) => dataset.labels[row] === label),
  );
  if (missing.length === 0) return [];
  return [`no labelled image to learn from: class ${missing.map((name) => JSON.stringify(name)).join(", ")}`];
}
