// Which rows train, which validate, which are the pool without labels, and which test. Every choice comes from the seed.
// Three kinds: "random" (stratified by class), "group" (whole capture files to one part), "given" (the source fixed the
// test part, as IDX t10k files do).
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import { findCopiesOf } from "./duplicates.ts";
import { chooseTestGroups } from "./group-split.ts";
import { type Random, seededRandom, shuffle } from "./random.ts";
import { proportionalShares } from "./stratify.ts";
import type { Dataset, Split } from "./types.ts";

export interface SplitOptions {
  /** "random" by default; "given" follows by itself where the dataset fixes its test rows. */
  readonly kind?: "random" | "group";
  /**
   * Labelled rows to use, validation included: a count, a share of the training part ("10%"), a count for each class
   * ("1000/class"; a class with fewer gives all it has, and the split warns of it), or "all" (the default).
   */
  readonly labels?: number | `${number}%` | `${number}/class` | "all";
  /** Rows of the training part to use without their labels, beside the labelled ones: a count, or "all" (the default). */
  readonly unlabeled?: number | "all";
  /** Share of the labelled rows that is held back for early stopping, 0 to below 1; 0.1 by default. */
  readonly validationShare?: number;
  /** Share of the rows that tests, above 0 and below 1; 0.2 by default. Not used where the test part is given. */
  readonly testShare?: number;
  /** 1 by default. */
  readonly seed?: number;
}

// One generator stream for each choice: asking for more labels does not move the test part.
const STREAM = { test: 1, labelled: 2, validation: 3, unlabelled: 4 } as const;

/**
 * Splits a dataset. Row lists ascend, no row is in two parts, the pool never holds a test row (nor, by group, any row of a
 * test capture). Labelled rows are a stratified sample (largest remainder, at least one row a class where the budget allows).
 * @throws FlowglyphError ERR_ARGUMENT (bad option), ERR_SPLIT (the dataset cannot be split like this)
 */
export function makeSplit(dataset: Dataset, options: SplitOptions = {}): Split {
  const kind = options.kind ?? "random";
  const labels = parseLabels(options.labels ?? "all");
  const unlabeled = options.unlabeled ?? "all";
  const validationShare = options.validationShare ?? 0.1;
  const testShare = options.testShare ?? 0.2;
  const seed = options.seed ?? 1;
  if (kind !== "random" && kind !== "group") throw invalidArgument("split", '"random" or "group"', kind);
  if (unlabeled !== "all" && !isCount(unlabeled))
    throw invalidArgument("unlabeled", 'a whole number or "all"', unlabeled);
  if (!(validationShare >= 0 && validationShare < 1))
    throw invalidArgument("validationShare", "0 to below 1", validationShare);
  if (!(testShare > 0 && testShare < 1)) throw invalidArgument("testShare", "above 0 and below 1", testShare);

  const { test, excluded, warnings = [], ...about } = chooseTest(dataset, kind, testShare, seed);
  const role = new Uint8Array(dataset.count); // 0 = training part
  for (const row of excluded) role[row] = 1;
  for (const row of test) role[row] = 1;
  const training = rowsWhere(dataset.count, (row) => role[row] === 0);
  const byClass = rowsByClass(dataset, training);
  const available = byClass.reduce((sum, rows) => sum + rows.length, 0);
  const noneAsked = "count" in labels && labels.count === 0;
  if (training.length === 0 && !noneAsked) {
    throw new FlowglyphError(
      "ERR_SPLIT",
      `Expected images to train on but all ${dataset.count} of the dataset are its test part (IDX t10k)`,
    );
  }

  if ("count" in labels && labels.count !== Number.POSITIVE_INFINITY && labels.count > available) {
    throw new FlowglyphError(
      "ERR_SPLIT",
      `Expected labels to be at most ${available}, the labelled rows of the training part, but received ${labels.count}`,
    );
  }
  const sizes = byClass.map((rows) => rows.length);
  const perClass = labelsOfClasses(labels, sizes);
  const budget = perClass.reduce((sum, share) => sum + share, 0);
  const chosen = takeShuffled(byClass, perClass, seededRandom(seed, STREAM.labelled));
  // The last labelled row of a class is never held back: it could not be learned.
  const caps = perClass.map((share) => Math.max(0, share - 1));
  const held = proportionalShares(perClass, Math.round(budget * validationShare), { caps });
  const validation = takeShuffled(chosen, held, seededRandom(seed, STREAM.validation)).flat();
  for (const row of validation) role[row] = 2;
  const labelled = chosen.flat().filter((row) => role[row] === 0);
  for (const row of labelled) role[row] = 3;

  const pool = rowsWhere(dataset.count, (row) => role[row] === 0);
  if (unlabeled !== "all" && unlabeled > pool.length) {
    throw new FlowglyphError(
      "ERR_SPLIT",
      `Expected unlabeled to be at most ${pool.length}, the rest of the training part, but received ${unlabeled}`,
    );
  }
  const unlabelled =
    unlabeled === "all" ? pool : shuffle(pool, seededRandom(seed, STREAM.unlabelled)).slice(0, unlabeled);
  return {
    ...about,
    seed,
    labelled: Uint32Array.from(labelled).sort(),
    validation: Uint32Array.from(validation).sort(),
    unlabelled: unlabelled.sort(),
    test,
    warnings: [
      ...warnings,
      ...unlearnable(dataset, perClass, budget),
      ...shortClasses(dataset, labels, sizes),
    ],
  };
}

/** How many labelled rows each class gives, of the `sizes` it has. */
function labelsOfClasses(labels: LabelBudget, sizes: readonly number[]): number[] {
  if ("perClass" in labels) return sizes.map((size) => Math.min(labels.perClass, size));
  const available = sizes.reduce((sum, size) => sum + size, 0);
  const budget =
    "percent" in labels ? Math.round((available * labels.percent) / 100) : Math.min(labels.count, available);
  return proportionalShares(sizes, budget, { floor: 1 });
}

/** Classes that hold fewer rows than each class is asked for. */
function shortClasses(dataset: Dataset, labels: LabelBudget, sizes: readonly number[]): string[] {
  if (!("perClass" in labels)) return [];
  const short = dataset.classes
    .map((name, i) => ({ name, size: sizes[i]! }))
    .filter(({ size }) => size > 0 && size < labels.perClass)
    .map(({ name, size }) => `${JSON.stringify(name)} ${size}`);
  if (short.length === 0) return [];
  return [
    `fewer than the ${labels.perClass} labels asked of each class, all taken: class ${short.join(", ")}`,
  ];
}

/** Classes that no labelled row shows; not where none was asked for. */
function unlearnable(dataset: Dataset, perClass: readonly number[], budget: number): string[] {
  const missing = dataset.classes.filter((_, i) => perClass[i] === 0).map((name) => JSON.stringify(name));
  if (budget === 0 || missing.length === 0) return [];
  return [`no labelled image to learn from: class ${missing.join(", ")}`];
}

interface TestPart extends Pick<Split, "kind" | "testGroups" | "leakedTestImages" | "warnings"> {
  readonly test: Uint32Array;
  /** Rows that neither train nor test: unlabelled sessions of test captures. */
  readonly excluded: Uint32Array;
}

function chooseTest(dataset: Dataset, kind: "random" | "group", testShare: number, seed: number): TestPart {
  const none = new Uint32Array();
  if (dataset.testRows !== undefined) {
    if (kind === "group") {
      throw new FlowglyphError(
        "ERR_SPLIT",
        "Expected a dataset with capture groups for a split by group, but its test part is given (IDX t10k)",
      );
    }
    const test = dataset.testRows.filter((row) => dataset.labels[row]! >= 0).sort();
    const leaked = leakedRows(dataset, test).length;
    const warnings =
      leaked === 0
        ? []
        : [`${leaked} of ${test.length} test images are exact copies of images outside the test part`];
    return {
      kind: "given",
      test,
      excluded: dataset.testRows,
      testGroups: [],
      leakedTestImages: leaked,
      warnings,
    };
  }
  if (kind === "group") {
    const { testGroups, warnings } = chooseTestGroups(dataset, testShare, seededRandom(seed, STREAM.test));
    const inTest = (row: number): boolean => testGroups.has(dataset.groups![row]!);
    return {
      kind,
      test: rowsWhere(dataset.count, (row) => inTest(row) && dataset.labels[row]! >= 0),
      excluded: rowsWhere(dataset.count, (row) => inTest(row) && dataset.labels[row]! < 0),
      testGroups: dataset.groupNames.filter((_, group) => testGroups.has(group)),
      warnings,
    };
  }
  const byClass = rowsByClass(
    dataset,
    rowsWhere(dataset.count, () => true),
  );
  const sizes = byClass.map((rows) => rows.length);
  const labelledRows = sizes.reduce((sum, size) => sum + size, 0);
  if (labelledRows < 2) {
    throw new FlowglyphError(
      "ERR_SPLIT",
      `Expected at least 2 labelled images to split but the dataset has ${labelledRows}`,
    );
  }
  // A class keeps at least one row for training; one with two rows or more has at least one in the test part.
  const caps = sizes.map((size) => Math.max(0, size - 1));
  const shares = proportionalShares(sizes, Math.max(1, Math.round(labelledRows * testShare)), {
    caps,
    floor: 1,
  });
  const warnings = dataset.classes
    .filter((_, i) => sizes[i]! > 0 && shares[i] === 0)
    .map((name) => `class ${JSON.stringify(name)} has too few images to be tested`);
  const test = takeShuffled(byClass, shares, seededRandom(seed, STREAM.test)).flat();
  return { kind, test: Uint32Array.from(test).sort(), excluded: none, testGroups: [], warnings };
}

/** Test rows whose image is byte for byte also outside the test part: published IDX splits hold such copies. */
export function leakedRows(dataset: Dataset, test: Uint32Array): Uint32Array {
  const isTest = new Uint8Array(dataset.count);
  for (const row of dataset.testRows ?? test) isTest[row] = 1;
  const others = rowsWhere(dataset.count, (row) => isTest[row] === 0);
  return findCopiesOf(dataset.images, others, test);
}

/** The same split without the test rows that are copies of training images. */
export function dropLeakedTestRows(dataset: Dataset, split: Split): Split {
  const leaked = new Set(leakedRows(dataset, split.test));
  return {
    ...split,
    test: split.test.filter((row) => !leaked.has(row)),
    leakedTestImages: 0,
    warnings: [
      ...(split.warnings ?? []),
      `${leaked.size} copies of training images were dropped from the test part`,
    ],
  };
}

type LabelBudget = { readonly count: number } | { readonly percent: number } | { readonly perClass: number };

function parseLabels(labels: number | string): LabelBudget {
  if (labels === "all") return { count: Number.POSITIVE_INFINITY };
  if (typeof labels === "string" && labels.endsWith("%")) {
    const percent = Number(labels.slice(0, -1));
    if (labels.length > 1 && percent >= 0 && percent <= 100) return { percent };
  }
  if (typeof labels === "string" && /^\d+\/class$/.test(labels)) {
    const perClass = Number(labels.slice(0, -"/class".length));
    if (perClass > 0 && isCount(perClass)) return { perClass };
  }
  if (isCount(labels)) return { count: labels };
  throw invalidArgument(
    "labels",
    'a whole number, a percentage from 0% to 100%, a number for each class such as "1000/class", or "all"',
    labels,
  );
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function rowsWhere(count: number, keep: (row: number) => boolean): Uint32Array {
  const rows = new Uint32Array(count);
  let n = 0;
  for (let row = 0; row < count; row++) if (keep(row)) rows[n++] = row;
  return rows.slice(0, n);
}

function rowsByClass(dataset: Dataset, rows: Uint32Array): number[][] {
  const byClass: number[][] = dataset.classes.map(() => []);
  for (const row of rows) byClass[dataset.labels[row]!]?.push(row);
  return byClass;
}

/** From each list its share of rows, chosen at random. */
function takeShuffled(lists: readonly number[][], shares: readonly number[], random: Random): number[][] {
  return lists.map((rows, i) => shuffle([...rows], random).slice(0, shares[i]!));
}
