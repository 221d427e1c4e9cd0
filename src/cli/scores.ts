// Baselines on the rows of a split, kept in the run folder: they depend on the dataset and the split alone, and the
// nearest neighbour of many images takes its time.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Dataset, Split } from "../dataset/types.ts";
import { type BaselineScore, baselines, type SkippedBaseline } from "../evaluation/baselines.ts";
import { systemReason } from "../system-error.ts";
import type { Terminal } from "./terminal.ts";

const FILE = "baselines.json";

export interface BaselineRequest {
  readonly dataset: Dataset;
  readonly split: Split;
  /** The run folder that belongs to the split. */
  readonly run: string;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

export type Baseline = BaselineScore | SkippedBaseline;

/** The baselines of a run's split: computed once, then read from its folder. */
export async function runBaselines(request: BaselineRequest): Promise<readonly Baseline[]> {
  const { dataset, split, run, terminal, signal } = request;
  const saved = await readSaved(join(run, FILE), split);
  if (saved !== undefined) return saved;
  const scores = await baselines(dataset, split, {
    seed: split.seed,
    signal,
    onProgress: (name) => terminal.progress({ fraction: undefined, text: `baseline: ${name}` }),
  });
  terminal.progressDone();
  const path = join(run, FILE);
  try {
    await writeFile(path, `${JSON.stringify({ rows: rowsOf(split), scores }, null, 2)}\n`);
  } catch (cause) {
    // They are in hand, and only have to be computed anew next time.
    terminal.note(`warning: the baselines could not be kept in ${path}: ${systemReason(cause)}`);
  }
  return scores;
}

/** What the saved scores were measured on; a run that was started anew has another split. */
function rowsOf(split: Split): readonly number[] {
  const sum = (rows: Uint32Array) => rows.reduce((total, row) => (total * 31 + row + 1) % 2_147_483_647, 7);
  return [
    split.seed,
    split.labelled.length,
    sum(split.labelled),
    split.validation.length,
    sum(split.validation),
    split.test.length,
    sum(split.test),
  ];
}

async function readSaved(path: string, split: Split): Promise<readonly Baseline[] | undefined> {
  try {
    const { rows, scores } = JSON.parse(await readFile(path, "utf8")) as {
      rows: unknown;
      scores: readonly Baseline[];
    };
    return JSON.stringify(rows) === JSON.stringify(rowsOf(split)) ? scores : undefined;
  } catch {
    return undefined; // none yet, or not ours: computed anew
  }
}
