// Results as if cells had been run, for tests of what is made of them.
import { type Cell, gridCells, gridRows, type Row } from "../../src/reproduce/cells.ts";
import type { LoadedSet } from "../../src/reproduce/image-sets.ts";
import type { CellResult } from "../../src/reproduce/result.ts";
import type { StoredCell } from "../../src/reproduce/store.ts";
import { type Summary, summarize } from "../../src/reproduce/summary.ts";
import { TABLES } from "../../src/reproduce/tables/index.ts";
import { resolveConfig } from "../../src/training/config.ts";
import { fixture, repeated } from "../dataset/fixtures.ts";

export const CLASSES = ["Chat", "Email", "File"];

export function finishedCell({ key, trial, seed }: Cell, accuracy: number): CellResult {
  const network = trial.contender.network;
  return {
    formatVersion: 1,
    key,
    datasetSha256: "0".repeat(64),
    set: trial.set,
    contender: trial.contender.name,
    seed,
    view: "l7",
    mask: "none",
    split: "given",
    labelled: 90,
    validation: 10,
    unlabelled: trial.poolCount,
    test: 30,
    leaked: 3,
    withoutLeaked: { accuracy: accuracy - 0.05, macroF1: accuracy - 0.15 },
    config: resolveConfig({ model: "clgan", seed, threads: 1 }),
    scores: { accuracy, macroF1: accuracy - 0.1, macroPrecision: 0.5, macroRecall: 0.5, weightedF1: 0.5 },
    classes: CLASSES,
    confusion: [
      [8, 2, 0],
      [0, 10, 0],
      [1, 1, 8],
    ],
    curves: network
      ? [
          {
            phase: "adversarial",
            seconds: 3,
            losses: { discriminator: [1.4, 1.2, 1.1], generator: [0.7, 0.9, 1] },
            accuracies: {},
          },
          {
            phase: "supervised",
            seconds: 3,
            losses: { train: [1, 0.5], validation: [1.1, 0.7] },
            accuracies: { train: [0.3, 0.7], validation: [0.2, 0.6] },
          },
        ]
      : [],
    warnings: seed === 1 && trial.contender.name === "clgan" ? ["a phase learned nothing"] : [],
    seconds: 12.34,
    sharedSeconds: 0,
    machine: {
      processor: "a | processor",
      cores: 2,
      memoryGiB: 24,
      gpus: [],
      node: "v20",
      libtorch: "1.13.0",
      flowglyph: "0.1.0",
      commit: "abc1234",
    },
    finished: "2026-11-22T04:05:06.000Z",
  };
}

export interface TestGrid {
  readonly rows: readonly Row[];
  readonly cells: readonly Cell[];
  readonly sets: ReadonlyMap<string, LoadedSet>;
}

const table3 = TABLES.filter(({ name }) => name === "table3");

/** Table 3 on a set of three classes. */
export function table3Grid(seeds = 2): TestGrid {
  const labels = repeated([0, 5000], [1, 5000], [2, 5000], [0, 10], [1, 10], [2, 10]);
  const testRows = Array.from({ length: 30 }, (_, i) => 15_000 + i);
  const images = fixture({ labels: labels.slice(0, 40), classes: CLASSES }).images;
  const dataset = {
    ...fixture({ labels: [0] }),
    count: labels.length,
    labels: Int32Array.from(labels),
    classes: CLASSES,
    testRows: Uint32Array.from(testRows),
    // Distinct images are not needed to lay out a grid, and 15,000 of them take their time.
    images: new Uint8Array(labels.length * 784).fill(images[0]!),
  };
  const manifest = { ...dataset.manifest, view: "l7", mask: "none" } as const;
  const set: LoadedSet = { name: "ustc20/SessionL7", dataset: { ...dataset, manifest }, notes: [] };
  const sets = new Map([[set.name, set]]);
  const rows = gridRows(table3, sets, { seeds, only: [], training: {}, allViews: false });
  return { rows, sets, cells: gridCells(rows, () => 1) };
}

export function summaryOf(
  { rows, sets }: TestGrid,
  stored: ReadonlyMap<string, StoredCell>,
  quick = false,
): Summary {
  return summarize({ tables: table3, rows, sets, stored, quick, training: { precision: "bfloat16" } });
}
