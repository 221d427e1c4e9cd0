// `compare`: models against each other by label count, on several image sets, masks and splits, into a folder that can be left
// and come back to at any time.
import { join } from "node:path";
import { invalidArgument } from "../../bindings/errors.ts";
import { MASKS, type Mask } from "../capture/names.ts";
import { makeFolder } from "../output-path.ts";
import type { Cell } from "../reproduce/cells.ts";
import type { Estimator } from "../reproduce/estimate.ts";
import type { LoadedSet } from "../reproduce/image-sets.ts";
import { QUICK_LIMITS, QUICK_TRAINING } from "../reproduce/quick.ts";
import { checkDigests, estimatorOf, type RunCellsOptions, runCells } from "../reproduce/run-cells.ts";
import { begunRuns, readCells, type StoredCell } from "../reproduce/store.ts";
import { writeAtomically } from "../training/atomic-file.ts";
import { CONFIG_FIELDS, type TrainingConfig } from "../training/index.ts";
import { drawCharts } from "./charts.ts";
import { csvReport, markdownReport } from "./report.ts";
import { type ComparedRow, comparedCells, comparedRows } from "./rows.ts";
import { type ComparedSet, loadSets } from "./sets.ts";
import {
  contenderOf,
  DEFAULT_LABELS,
  DEFAULT_MASKS,
  DEFAULT_MODELS,
  DEFAULT_SEEDS,
  DEFAULT_SETS,
  DEFAULT_UNLABELLED,
  type LabelCount,
} from "./settings.ts";
import { type Comparison, summarizeComparison } from "./summary.ts";

export interface ComparisonRequest {
  /** Folder with the published image sets, where one is compared. */
  readonly data?: string | undefined;
  /** Folder for cells, reports and charts. */
  readonly out: string;
  /** Published sets by name, `samples`, or folders of datasets; the four published sets and `samples` by default. */
  readonly sets?: readonly string[] | undefined;
  readonly masks?: readonly Mask[] | undefined;
  /** As `train` takes them; 20, 100, 500, 1000, 2000 and 10% by default. */
  readonly labels?: readonly LabelCount[] | undefined;
  /** Contenders of `reproduce`, or models of the registry. */
  readonly models?: readonly string[] | undefined;
  /** Of those, the ones whose cells are run now; the reports hold all. */
  readonly only?: readonly string[] | undefined;
  /** 5 by default; 2 with `quick`. */
  readonly seeds?: number | undefined;
  /** Images without labels for models that learn from them; 8000 by default, all where a set has fewer. */
  readonly unlabelled?: number | "all" | undefined;
  /** A few images, labels and epochs. */
  readonly quick?: boolean | undefined;
  /** Of networks, where it differs from the defaults of `train`; it becomes part of what a cell is. */
  readonly training?:
    | Partial<Pick<TrainingConfig, "epochs" | "pretrainEpochs" | "patience" | "precision">>
    | undefined;
}

export type CompareOptions = ComparisonRequest & RunCellsOptions;

/** What is to be compared, with its images in memory, and what of it is done. */
export interface ComparisonGrid {
  readonly sets: readonly ComparedSet[];
  readonly rows: readonly ComparedRow[];
  readonly cells: readonly Cell[];
  readonly stored: Map<string, StoredCell>;
  readonly begun: readonly string[];
  readonly estimate: Estimator;
  readonly training: Partial<TrainingConfig>;
}

export interface CompareResult {
  readonly summary: Comparison;
  /** report.md, results.csv, results.json, charts. */
  readonly files: readonly string[];
  /** Whether every cell that was asked for is done. */
  readonly complete: boolean;
}

const QUICK_LABELS: readonly LabelCount[] = [24, 60];
const QUICK_UNLABELLED = 40;
const QUICK_SEEDS = 2;

/**
 * Lays out the comparison and looks at what is done; trains nothing.
 * @throws ERR_ARGUMENT (a wrong name or count; cells of other images in the folder), ERR_IO (a set is missing),
 *   ERR_DATASET_FORMAT
 */
export async function openComparison(request: ComparisonRequest): Promise<ComparisonGrid> {
  const { quick = false, out } = request;
  const {
    sets = DEFAULT_SETS,
    masks = DEFAULT_MASKS,
    models = DEFAULT_MODELS,
    labels = quick ? QUICK_LABELS : DEFAULT_LABELS,
    seeds = quick ? QUICK_SEEDS : DEFAULT_SEEDS,
    unlabelled = quick ? QUICK_UNLABELLED : DEFAULT_UNLABELLED,
  } = request;
  if (!Number.isSafeInteger(seeds) || seeds < 1)
    throw invalidArgument("seeds", "a whole number above 0", seeds);
  const wrongMask = masks.find((mask) => !MASKS.includes(mask));
  if (wrongMask !== undefined) throw invalidArgument("masks", `names among ${MASKS.join(", ")}`, wrongMask);
  const wrongCount = labels.find((count) => !CONFIG_FIELDS.labels.check(count));
  if (wrongCount !== undefined) throw invalidArgument("labels", CONFIG_FIELDS.labels.expected, wrongCount);
  if (!CONFIG_FIELDS.unlabeled.check(unlabelled))
    throw invalidArgument("unlabelled", CONFIG_FIELDS.unlabeled.expected, unlabelled);
  for (const [name, list] of Object.entries({ sets, masks, labels, models })) {
    if (list.length === 0 || new Set<unknown>(list).size < list.length)
      throw invalidArgument(name, "a list that names each once", list);
  }
  for (const name of models) contenderOf(name);
  const { only = models } = request;
  const foreign = only.find((name) => !models.includes(name));
  if (foreign !== undefined)
    throw invalidArgument("only", `names among the models, ${models.join(", ")}`, foreign);
  const loaded = await loadSets({
    sets,
    masks,
    data: request.data,
    out,
    limits: quick ? QUICK_LIMITS : undefined,
  });
  const training = { ...(quick ? QUICK_TRAINING : {}), ...request.training };
  const rows = comparedRows(loaded, { labels, models, seeds, unlabelled, training });
  const stored = await readCells(out);
  checkDigests(setsByName(loaded), stored, out);
  const estimate = estimatorOf(
    comparedCells(rows, () => 0),
    stored,
  );
  return {
    sets: loaded,
    rows,
    cells: comparedCells(
      rows.filter(({ trial }) => only.includes(trial.contender.name)),
      (trial) => estimate.cell(trial),
    ),
    stored,
    begun: await begunRuns(out),
    estimate,
    training,
  };
}

const setsByName = (sets: readonly ComparedSet[]): Map<string, LoadedSet> =>
  new Map(sets.map(({ loaded }) => [loaded.name, loaded]));

/**
 * Runs what is not done yet, cheap models and few labels first, and writes report.md, results.csv, results.json and charts.
 * Each finished cell is kept at once; the one under way goes on from its checkpoint next time.
 * @throws ERR_ABORTED (the reports are written all the same); what `openComparison` throws; ERR_TORCH_MISSING, ERR_DEVICE
 */
export async function compare(options: CompareOptions): Promise<CompareResult> {
  const grid = await openComparison(options);
  const sets = setsByName(grid.sets);
  return runCells({
    ...options,
    ...grid,
    setOf: (trial) => sets.get(trial.set)!,
    writeReports: () => writeReports(grid, options),
  });
}

async function writeReports(grid: ComparisonGrid, request: ComparisonRequest): Promise<CompareResult> {
  const { out, quick = false } = request;
  const summary = summarizeComparison({ ...grid, quick });
  const files: string[] = [];
  const write = async (name: string, text: string) => {
    await writeAtomically(join(out, name), [Buffer.from(text)]);
    files.push(name);
  };
  await makeFolder(join(out, "charts"));
  const charts = new Map<string, { file: string; caption: string }[]>();
  for (const { set, file, caption, svg } of await drawCharts(summary)) {
    await write(`charts/${file}`, svg);
    charts.set(set, [...(charts.get(set) ?? []), { file: `charts/${file}`, caption }]);
  }
  await write(
    "report.md",
    markdownReport(summary, charts, (set) => comparisonCommand({ ...request, sets: [set] })),
  );
  await write("results.csv", csvReport(summary));
  await write("results.json", `${JSON.stringify(summary, null, 2)}\n`);
  return { summary, files, complete: summary.cellsDone === summary.cellsAsked };
}

/** The command line of a request, with DATA and OUT for its folders: what is printed under tables. */
export function comparisonCommand(request: ComparisonRequest): string {
  const { sets, masks, labels, models, seeds, unlabelled, quick, training = {} } = request;
  const flag = (name: string, value: unknown) =>
    value === undefined ? [] : [`--${name}`, [value].flat().join(",")];
  const flags = Object.entries(training).flatMap(([key, value]) =>
    flag(
      key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
      value,
    ),
  );
  return [
    ...["compare", "--data", "DATA", "-o", "OUT"],
    ...flag("sets", sets),
    ...flag("masks", masks),
    ...flag("labels", labels),
    ...flag("models", models),
    ...flag("seeds", seeds),
    ...flag("unlabelled", unlabelled),
    ...flags,
    ...(quick ? ["--quick"] : []),
  ].join(" ");
}
