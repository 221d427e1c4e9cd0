#!/usr/bin/env node
// Which sessions to label: every strategy of `suggest` against random choice. From 20 labels chosen at random, the same for
// all strategies, a model is trained, a strategy chooses the next ones, their labels are told, and so on; accuracy on the
// test images after each round. Strategies with the same seed share pool, first labels and test images, so differences are
// paired. Resumable: a curve that the output's .jsonl holds is not computed again.
// Needs `npm run build`, a folder of the public image sets (FLOWGLYPH_DATA); networks need libtorch.
//   node bench/suggest.mjs [--model trees|cnn-lstm] [--sets iscx12/SessionAllLayers,ustc20/SessionL7] [--seeds 5] [--batch 20]
//     [--labels 200] [--pool 4000] [--strategies margin,random,...] [--config JSON] [--out bench/results/suggest]
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gatherImages, gatherLabels, subset } from "../dist/src/dataset/dataset.js";
import { removeDuplicates } from "../dist/src/dataset/duplicates.js";
import { openDataset } from "../dist/src/dataset/index.js";
import { seededRandom, shuffle } from "../dist/src/dataset/random.js";
import { predictedClasses } from "../dist/src/evaluation/evaluate.js";
import { findModel, resolveModelOptions } from "../dist/src/models/registry.js";
import { runModel } from "../dist/src/onnx/check.js";
import { findStrategy, STRATEGIES } from "../dist/src/suggest/registry.js";
import { train } from "../dist/src/training/index.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const data = process.env.FLOWGLYPH_DATA ?? join(root, "../shared/data");
const { values: flags } = parseArgs({
  options: {
    model: { type: "string", default: "trees" },
    sets: { type: "string", default: "iscx12/SessionAllLayers,ustc20/SessionL7" },
    seeds: { type: "string", default: "5" },
    batch: { type: "string", default: "20" },
    labels: { type: "string", default: "200" },
    pool: { type: "string", default: "4000" },
    test: { type: "string", default: "1500" },
    strategies: { type: "string", default: STRATEGIES.map(({ name }) => name).join(",") },
    config: { type: "string", default: "{}" },
    out: { type: "string", default: join(root, "bench/results/suggest") },
  },
});
const START = 20;
const [batch, most] = [Number(flags.batch), Number(flags.labels)];
const strategies = flags.strategies.split(",");
const file = `${flags.out}.jsonl`;
const key = ({ model, set, strategy, seed, batch, pool }) =>
  [model, set, strategy, seed, batch, pool].join(" ");
const curves = existsSync(file)
  ? readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  : [];

/** Probabilities of `asked` after training on the given rows. */
async function learn(dataset, rows, seed, asked) {
  const row = findModel(flags.model);
  const classes = dataset.classes.length;
  if ("fit" in row) {
    const model = await row.fit({
      images: gatherImages(dataset, rows),
      labels: gatherLabels(dataset, rows),
      unlabelled: { count: 0, take: () => new Uint8Array() },
      classes,
      seed,
      options: resolveModelOptions(flags.model, { ...(flags.model === "trees" && { trees: 100 }) }),
      threads: 1,
      signal: undefined,
      saved: undefined,
      onProgress: () => undefined,
      checkpoint: async () => undefined,
    });
    return Promise.all(asked.map((images) => model.predict(images)));
  }
  const run = mkdtempSync(join(tmpdir(), "flowglyph-suggest-"));
  try {
    const empty = new Uint32Array();
    const order = shuffle(Uint32Array.from(rows), seededRandom(seed, 900));
    const held = Math.round(rows.length / 10);
    const split = {
      kind: "random",
      seed,
      validation: order.slice(0, held).sort(),
      labelled: order.slice(held).sort(),
      unlabelled: empty,
      test: empty,
      testGroups: [],
    };
    const config = { model: flags.model, seed, threads: 1, ...JSON.parse(flags.config) };
    const { model } = await train(dataset, split, config, { run });
    return await Promise.all(asked.map((images) => runModel(model, images, classes, 64)));
  } finally {
    rmSync(run, { recursive: true, force: true });
  }
}

async function curve(dataset, pool, test, strategy, seed) {
  const labels = gatherLabels(dataset, pool);
  const known = new Set(shuffle(Uint32Array.from(pool.keys()), seededRandom(seed, 901)).slice(0, START));
  const random = seededRandom(seed, 902);
  const images = gatherImages(dataset, test);
  const expected = gatherLabels(dataset, test);
  const points = [];
  for (;;) {
    const rest = Uint32Array.from(pool.keys()).filter((i) => !known.has(i));
    const candidates = gatherImages(
      dataset,
      rest.map((i) => pool[i]),
    );
    const rows = [...known].map((i) => pool[i]);
    const [tested, probabilities] = await learn(dataset, rows, seed, [images, candidates]);
    const right = predictedClasses(tested, dataset.classes.length).filter((c, i) => c === expected[i]).length;
    const seen = new Set([...known].map((i) => labels[i])).size;
    points.push({ labels: known.size, accuracy: right / expected.length, classes: seen });
    if (known.size >= most) return points;
    const n = Math.min(batch, most - known.size);
    const chosen = await findStrategy(strategy).choose(
      {
        count: rest.length,
        images: candidates,
        probabilities,
        classes: dataset.classes.length,
        known: gatherImages(dataset, rows),
      },
      n,
      random,
      async () => void (await setImmediate()),
    );
    for (const i of chosen) known.add(rest[i]);
  }
}

for (let seed = 1; seed <= Number(flags.seeds); seed++) {
  for (const set of flags.sets.split(",")) {
    const todo = strategies.filter((strategy) => {
      const cell = key({ model: flags.model, set, strategy, seed, batch, pool: Number(flags.pool) });
      return !curves.some((one) => key(one) === cell);
    });
    if (todo.length === 0 || !existsSync(join(data, set))) continue;
    const whole = await openDataset(join(data, set));
    const isTest = new Set(whole.testRows);
    const others = Uint32Array.from({ length: whole.count }, (_, row) => row).filter(
      (row) => !isTest.has(row),
    );
    const drawn = shuffle(others, seededRandom(seed, 903)).slice(0, Number(flags.pool));
    const test = shuffle(Uint32Array.from(whole.testRows), seededRandom(0, 904)).slice(0, Number(flags.test));
    const dataset = removeDuplicates(subset(whole, [...drawn, ...test]));
    const testRows = new Set(dataset.testRows);
    const pool = Uint32Array.from({ length: dataset.count }, (_, row) => row).filter(
      (row) => !testRows.has(row),
    );
    for (const strategy of todo) {
      const start = performance.now();
      const points = await curve({ ...dataset, testRows: undefined }, pool, dataset.testRows, strategy, seed);
      const seconds = Math.round((performance.now() - start) / 100) / 10;
      const one = {
        model: flags.model,
        set,
        strategy,
        seed,
        batch,
        pool: Number(flags.pool),
        seconds,
        points,
      };
      curves.push(one);
      appendFileSync(file, `${JSON.stringify(one)}\n`);
      console.log(
        set,
        strategy,
        seed,
        points.map((p) => (100 * p.accuracy).toFixed(1)).join(" "),
        `${seconds}s`,
      );
    }
  }
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const deviation = (values) => {
  const m = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - m) ** 2, 0) / Math.max(1, values.length - 1));
};
const percent = (value) => (100 * value).toFixed(1);
const tables = [];
const groups = [
  ...new Set(curves.map(({ model, set, batch: b, pool }) => JSON.stringify({ model, set, batch: b, pool }))),
];
for (const group of groups.map((text) => JSON.parse(text))) {
  const own = curves.filter((one) => Object.entries(group).every(([name, value]) => one[name] === value));
  const base = own.filter((one) => one.strategy === "random");
  const counts = own[0].points.map((p) => p.labels);
  const shown = counts.filter(
    (_, i) => i % Math.max(1, Math.round(counts.length / 5)) === 0 || i === counts.length - 1,
  );
  const kept = STRATEGIES.map(({ name }) => name);
  const tried = [...new Set(own.map((one) => one.strategy))];
  const lines = [
    ...kept.filter((name) => tried.includes(name)),
    ...tried.filter((name) => !kept.includes(name)),
  ].map((name) => {
    const mine = own.filter((one) => one.strategy === name);
    const at = (labels) => mine.map((one) => one.points.find((p) => p.labels === labels).accuracy);
    // The mean over the rounds after the first, paired by seed.
    const area = (one) => mean(one.points.slice(1).map((p) => p.accuracy));
    const paired = mine
      .map((one) => [one, base.find((other) => other.seed === one.seed)])
      .filter(([, other]) => other !== undefined)
      .map(([one, other]) => area(one) - area(other));
    const last = mine.map((one) => one.points.at(-1).classes);
    const won = paired.filter((d) => d > 0).length;
    const against =
      name === "random" || paired.length === 0
        ? ""
        : `${percent(mean(paired))} ± ${percent(deviation(paired))} (${won} of ${paired.length})`;
    const called = kept.includes(name) ? name : `${name} (deleted)`;
    return `| ${called} | ${mine.length} | ${shown.map((labels) => percent(mean(at(labels)))).join(" | ")} | ${against} | ${mean(last).toFixed(1)} |`;
  });
  tables.push(
    `## ${group.set}, ${group.model}, ${group.batch} labels a round, pool of ${group.pool}\n\n` +
      `| strategy | seeds | ${shown.map((labels) => `${labels} labels`).join(" | ")} | over random, mean of all rounds | classes seen |\n` +
      `|---|---|${shown.map(() => "---").join("|")}|---|---|\n${lines.join("\n")}\n`,
  );
}
const commit = execFileSync("git", ["-C", root, "rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
writeFileSync(
  `${flags.out}.md`,
  `# Which sessions to label next

\`node bench/suggest.mjs\`: from ${START} labels chosen at random, a model is trained, a strategy chooses the next ones from a pool of
sessions (duplicates removed), and so on. Accuracy in per cent on up to ${flags.test} test images that are never chosen; published images, mask none. Strategies
share pool, first labels and test images with the same seed; the last column but one is the difference to random choice in points, paired by seed, ± its standard
deviation, and how many seeds it won. Trees: 100 to a forest. ${cpus()[0].model}, commit ${commit}.

${tables.join("\n")}`,
);
