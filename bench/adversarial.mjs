#!/usr/bin/env node
// What pre-training without labels is worth: CLGAN from scratch beside the same network pre-trained by a recipe, on the
// same label budgets, seeds, pools and test images. Each cell is a run folder; a finished one is kept, one that was
// stopped goes on where it was, so the command can be killed and given again. Needs `npm run build` and libtorch.
//
//   node bench/adversarial.mjs --data FOLDER -o FOLDER [--sets iscx12/SessionAllLayers,ustc20/SessionAllLayers]
//     [--labels 100,1000,2000] [--seeds 5] [--recipes stable] [--unlabeled 5000] [--recipe-rate 2e-4]
//     [--key value of the training config ...]
//
// A pre-training is a run of its own (one supervised epoch follows it, which nobody looks at); all label budgets of its seed
// start from it. A recipe has its own learning rate: what starts from a linear classifier is tuned, not trained. All other
// options are the same for every cell.
// Writes FOLDER/results.json and FOLDER/results.md after every cell.
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), "dist/src");
const { openDataset } = await import(join(dist, "dataset/open.js"));
const { makeNestedSplits } = await import(join(dist, "dataset/nested-splits.js"));
const { CONFIG_FIELDS, train } = await import(join(dist, "training/index.js"));

const own = {
  data: { type: "string" },
  output: { type: "string", short: "o" },
  sets: { type: "string", default: "iscx12/SessionAllLayers,ustc20/SessionAllLayers" },
  labels: { type: "string", default: "100,1000,2000" },
  seeds: { type: "string", default: "5" },
  recipes: { type: "string", default: "stable" },
  unlabeled: { type: "string", default: "5000" },
  "recipe-rate": { type: "string", default: "2e-4" },
};
const flag = (key) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const keys = Object.keys(CONFIG_FIELDS).filter((key) => !(key in own) && key !== "seed");
const { values } = parseArgs({
  options: { ...Object.fromEntries(keys.map((key) => [flag(key), { type: "string" }])), ...own },
});
if (values.data === undefined || values.output === undefined) {
  console.error("Expected --data FOLDER and -o FOLDER");
  process.exit(2);
}
const number = (text) => (Number.isFinite(Number(text)) ? Number(text) : text);
const given = Object.fromEntries(
  keys.filter((key) => values[flag(key)] !== undefined).map((key) => [key, number(values[flag(key)])]),
);
const sets = values.sets.split(",");
const budgets = values.labels.split(",").map(Number);
const recipes = values.recipes.split(",").filter(Boolean);
await mkdir(values.output, { recursive: true });

const abort = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => abort.abort());

/** metrics.json of the cell's run: as it lies there, or trained now. */
async function cell(dataset, split, config, run) {
  const path = join(run, "metrics.json");
  if (!existsSync(path)) {
    console.error(`${new Date().toISOString()} ${run}`);
    await train(dataset, split, config, { run, resume: true, signal: abort.signal });
  }
  return JSON.parse(await readFile(path, "utf8"));
}

const results = [];
async function record(entry, { accuracy, macroF1, phases, warnings }) {
  const [seconds, epochs] = ["seconds", "epochs"].map((what) =>
    Object.fromEntries(phases.map((phase) => [phase.phase, phase[what]])),
  );
  results.push({ ...entry, accuracy, macroF1, seconds, epochs, warnings });
  const about = {
    config: given,
    recipeRate: Number(values["recipe-rate"]),
    unlabeled: Number(values.unlabeled),
    processor: cpus()[0]?.model,
    node: process.version,
  };
  await writeFile(join(values.output, "results.json"), `${JSON.stringify({ about, results }, null, 2)}\n`);
  await writeFile(join(values.output, "results.md"), table());
}

const mean = (xs) => xs.reduce((sum, x) => sum + x, 0) / xs.length;
const deviation = (xs) =>
  xs.length < 2
    ? Number.NaN
    : Math.sqrt(xs.reduce((sum, x) => sum + (x - mean(xs)) ** 2, 0) / (xs.length - 1));
const shown = (xs) =>
  xs.length === 0
    ? "-"
    : `${mean(xs).toFixed(1)}${xs.length > 1 ? ` ± ${deviation(xs).toFixed(1)}` : ""} (${xs.length})`;

/** Percent, mean and standard deviation, number of seeds; gains are of seeds that have both, each against its own scratch. */
function table() {
  const lines = [
    `| ${["set", "labels", "from scratch", ...recipes.flatMap((name) => [name, "gain"])].join(" | ")} |`,
    `|---|---|---|${"---|---|".repeat(recipes.length)}`,
  ];
  for (const set of sets) {
    for (const labels of budgets) {
      const of = (arm) => results.filter((r) => r.set === set && r.labels === labels && r.arm === arm);
      const scratch = of("scratch");
      const columns = recipes.map((arm) => {
        const gains = of(arm).flatMap((r) => {
          const base = scratch.find(({ seed }) => seed === r.seed);
          return base === undefined ? [] : [100 * (r.accuracy - base.accuracy)];
        });
        return `${shown(of(arm).map((r) => 100 * r.accuracy))} | ${shown(gains)}`;
      });
      lines.push(
        `| ${set} | ${labels} | ${shown(scratch.map((r) => 100 * r.accuracy))} | ${columns.join(" | ")} |`,
      );
    }
  }
  return `${lines.join("\n")}\n`;
}

const datasets = new Map();
for (let seed = 1; seed <= Number(values.seeds); seed++) {
  for (const set of sets) {
    if (!datasets.has(set)) datasets.set(set, await openDataset(join(values.data, set)));
    const dataset = datasets.get(set);
    const splits = makeNestedSplits(dataset, { seed, unlabeled: Number(values.unlabeled) }, budgets);
    for (const [i, labels] of budgets.entries()) {
      const folder = (arm, budget = labels) =>
        join(values.output, set.replaceAll("/", "-"), `${arm}-${budget}-${seed}`);
      const base = { model: "clgan", ...given, labels, unlabeled: Number(values.unlabeled), seed };
      const scratch = { ...base, pretrainEpochs: 0 };
      await record(
        { set, labels, seed, arm: "scratch" },
        await cell(dataset, splits[i], scratch, folder("scratch")),
      );
      for (const recipe of recipes) {
        const pretrained = folder(recipe, "pretraining");
        const learningRate = Number(values["recipe-rate"]);
        await cell(
          dataset,
          splits[0],
          { ...base, labels: budgets[0], recipe, learningRate, epochs: 1 },
          pretrained,
        );
        const config = { ...base, recipe, learningRate, pretrained };
        await record(
          { set, labels, seed, arm: recipe },
          await cell(dataset, splits[i], config, folder(recipe)),
        );
      }
    }
  }
}
