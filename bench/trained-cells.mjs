// What the benchmarks that train many models share: their flags, cells that are kept in a .jsonl and not computed again, the
// image sets and models that this machine has, and the arithmetic of their tables.
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { torchAvailable } from "../dist/bindings/torch/index.js";
import { makeSplit, openDataset } from "../dist/src/dataset/index.js";
import { findModel } from "../dist/src/models/registry.js";
import { train } from "../dist/src/training/index.js";
import { root } from "./sample-model.mjs";

const data = process.env.FLOWGLYPH_DATA ?? join(root, "../shared/data");

/** The flags that all have, and those of `defaults`, every value a text; `out` is bench/results/NAME without an ending. */
export function readFlags(name, defaults) {
  const all = {
    models: "trees",
    sets: "iscx12/SessionAllLayers,ustc20/SessionL7",
    config: "{}",
    out: join(root, "bench/results", name),
    ...defaults,
  };
  const options = Object.entries(all).map(([key, value]) => [key, { type: "string", default: value }]);
  return parseArgs({ options: Object.fromEntries(options) }).values;
}

/** The cells of former runs, and those that are added; two with the same values of `names` are the same cell. */
export function openCells(file, names) {
  const text = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  const cells = text === "" ? [] : text.split("\n").map((line) => JSON.parse(line));
  const keyOf = (cell) => names.map((name) => cell[name]).join(" ");
  const keys = new Set(cells.map(keyOf));
  return {
    cells,
    keyOf,
    has: (cell) => keys.has(keyOf(cell)),
    add(cell) {
      keys.add(keyOf(cell));
      cells.push(cell);
      appendFileSync(file, `${JSON.stringify(cell)}\n`);
    },
  };
}

/** Every seed, set, model and label count that the flags name and this machine has, with the set's images. */
export async function* settings({ models, sets, labels: counts, seeds }) {
  const labels = counts.split(",").map((text) => (text.endsWith("%") ? text : Number(text)));
  const there = sets.split(",").filter((set) => existsSync(join(data, set)));
  const possible = models.split(",").filter((model) => "fit" in findModel(model) || torchAvailable());
  for (const seed of seeds.split(",").map(Number)) {
    for (const set of there) {
      const dataset = await openDataset(join(data, set));
      for (const model of possible) {
        for (const count of labels) yield { seed, set, dataset, model, labels: count };
      }
    }
  }
}

/** Trains one model on its labels alone and gives it to `use`: the folder of its run, its split and what it scored. */
export async function withTrained({ dataset, model, labels, seed }, flags, use) {
  const split = makeSplit(dataset, { labels, seed, unlabeled: 0 });
  const run = mkdtempSync(join(tmpdir(), "flowglyph-bench-"));
  try {
    const config = { model, seed, labels, unlabeled: 0, threads: 1, ...JSON.parse(flags.config) };
    const { metrics } = await train(dataset, split, config, { run });
    return await use({ run, split, metrics });
  } finally {
    rmSync(run, { recursive: true, force: true });
  }
}

/** The cells of each row of a table: those of the same set, model and label count. */
export function rowsOf(cells) {
  const rows = new Map();
  for (const cell of cells) {
    const key = JSON.stringify([cell.set, cell.model, cell.labels]);
    rows.set(key, [...(rows.get(key) ?? []), cell]);
  }
  return [...rows.values()].map((own) => {
    const { set, model, labels } = own[0];
    return { set, model, labels, own };
  });
}

export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
export const percent = (value) => (100 * value).toFixed(1);
