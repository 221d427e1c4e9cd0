#!/usr/bin/env node
// What each part of `--model experts` gives: the same labelled rows and test images, one part left out or alone. Resumable:
// what the output's .jsonl holds is not computed again. Needs `npm run build` and a folder of the public image sets
// (FLOWGLYPH_DATA).
//   node bench/experts.mjs [--labels 100,1000] [--seeds 1,2,3,4,5] [--unlabelled 8000] [--out bench/results/experts]
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { fitLogistic } from "../dist/bindings/capture/logistic.js";
import { gatherImages, gatherLabels, imageSource } from "../dist/src/dataset/dataset.js";
import { makeSplit, openDataset } from "../dist/src/dataset/index.js";
import { maskDataset } from "../dist/src/dataset/mask-dataset.js";
import { predictedClasses } from "../dist/src/evaluation/evaluate.js";
import { growTrees, treeProbabilities } from "../dist/src/evaluation/extra-trees.js";
import { meanAndDeviation } from "../dist/src/evaluation/metrics.js";
import { learnTables } from "../dist/src/models/factor-tables.js";
import { findModel } from "../dist/src/models/registry.js";
import { relativeFactors, sessionSums, unitFactors } from "../dist/src/models/session-factors.js";
import { reachOf, treeFeatures } from "../dist/src/models/tree-factors.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const data = process.env.FLOWGLYPH_DATA ?? join(root, "../shared/data");
const { values: flags } = parseArgs({
  options: {
    labels: { type: "string", default: "100,1000" },
    seeds: { type: "string", default: "1,2,3,4,5" },
    unlabelled: { type: "string", default: "8000" },
    out: { type: "string", default: join(root, "bench/results/experts") },
  },
});
const SETS = [
  { set: "iscx12/SessionAllLayers", mask: "none" },
  { set: "iscx12/SessionAllLayers", mask: "identity" },
  { set: "iscx12/SessionL7", mask: "none" },
  { set: "ustc20/SessionL7", mask: "none" },
];
const DIMENSIONS = 128;
const PENALTY = 100;
const SESSIONS = 20_000;
const TREES = 200;
const TRIES = 100;
const NONE = { count: 0, take: () => new Uint8Array() };

/** Of sums of `kinds` kinds, those named: float32 [N, named.length * DIMENSIONS]. */
function kindsOf(sums, kinds, named) {
  const rows = sums.length / (kinds * DIMENSIONS);
  const chosen = new Float32Array(rows * named.length * DIMENSIONS);
  for (let row = 0; row < rows; row++) {
    for (const [i, kind] of named.entries()) {
      const from = (row * kinds + kind) * DIMENSIONS;
      chosen.set(sums.subarray(from, from + DIMENSIONS), (row * named.length + i) * DIMENSIONS);
    }
  }
  return chosen;
}

async function linear(learned, labels, asked, classes) {
  const [train, test] = [learned, asked].map((sums) => unitFactors(sums, DIMENSIONS));
  const width = train.length / labels.length;
  const { weight, bias } = await fitLogistic(train, labels, { classes, penalty: PENALTY });
  const scores = new Float32Array((test.length / width) * classes);
  for (let row = 0; row < test.length / width; row++) {
    for (let k = 0; k < classes; k++) {
      let sum = bias[k];
      for (let j = 0; j < width; j++) sum += weight[k * width + j] * test[row * width + j];
      scores[row * classes + k] = sum;
    }
  }
  return scores;
}

/** Trees on bytes and factors. */
async function forest(images, learned, labels, test, asked, classes, seed) {
  const [own, other] = [learned, asked].map((sums) => relativeFactors(sums, DIMENSIONS));
  const reach = reachOf(own, own.length / labels.length);
  const options = { classes, seed, trees: TREES, tries: TRIES };
  const grown = await growTrees(treeFeatures(images, own, reach), labels, options);
  return treeProbabilities(grown, treeFeatures(test, other, reach), 784 + reach.length, { classes });
}

async function fitted(name, request, test) {
  const row = findModel(name);
  const options = Object.fromEntries(
    Object.entries(row.options).map(([option, value]) => [option, value.default]),
  );
  const model = await row.fit({
    ...request,
    options,
    threads: 1,
    signal: undefined,
    saved: undefined,
    onProgress: () => {},
    checkpoint: async () => {},
  });
  return model.predict(test);
}

/** Of each part: the share of the test images that it names rightly. */
async function measure(dataset, labels, seed) {
  const split = makeSplit(dataset, { labels, seed, unlabeled: Number(flags.unlabelled) });
  const rows = Uint32Array.from([...split.labelled, ...split.validation]).sort();
  const [images, own] = [gatherImages(dataset, rows), gatherLabels(dataset, rows)];
  const [test, expected] = [gatherImages(dataset, split.test), gatherLabels(dataset, split.test)];
  const classes = dataset.classes.length;
  const request = { images, labels: own, classes, seed };
  const helped = { ...request, unlabelled: imageSource(dataset, split.unlabelled) };
  const alone = { ...request, unlabelled: NONE };
  const sized = { dimensions: DIMENSIONS, sessions: SESSIONS };
  const tables = [await learnTables(helped, sized), await learnTables(alone, sized)];
  // Of all sessions pairs and places, of the labelled ones pairs and places.
  const [learned, asked] = [
    await sessionSums(images, tables, { dimensions: DIMENSIONS }),
    await sessionSums(test, tables, { dimensions: DIMENSIONS }),
  ];
  const linearOf = (...named) => linear(kindsOf(learned, 4, named), own, kindsOf(asked, 4, named), classes);
  const forestOf = (...named) =>
    forest(images, kindsOf(learned, 4, named), own, test, kindsOf(asked, 4, named), classes, seed);
  const scores = {
    "linear: pairs": await linearOf(0, 2),
    "linear: places": await linearOf(1, 3),
    "linear: all sessions' factors": await linearOf(0, 1),
    "linear: labelled sessions' factors": await linearOf(2, 3),
    "linear: both": await linearOf(0, 1, 2, 3),
    "trees: bytes": await fitted("trees", alone, test),
    "trees: bytes, all sessions' factors": await forestOf(0, 1),
    "trees: bytes, labelled sessions' factors": await forestOf(2, 3),
    "trees: bytes, both": await forestOf(0, 1, 2, 3),
    experts: await fitted("experts", helped, test),
    "experts, no unlabelled sessions": await fitted("experts", alone, test),
  };
  return Object.fromEntries(
    Object.entries(scores).map(([part, found]) => {
      const right = predictedClasses(found, classes).filter((label, i) => label === expected[i]);
      return [part, right.length / expected.length];
    }),
  );
}

const file = `${flags.out}.jsonl`;
const cells = existsSync(file)
  ? readFileSync(file, "utf8").trim().split("\n").filter(Boolean).map(JSON.parse)
  : [];
const isOf = (cell, { set, mask }, labels, seed) =>
  cell.set === set && cell.mask === mask && cell.labels === labels && (seed ?? cell.seed) === cell.seed;
const counts = flags.labels.split(",").map(Number);

for (const seed of flags.seeds.split(",").map(Number)) {
  for (const of of SETS) {
    let dataset;
    for (const labels of counts) {
      if (cells.some((cell) => isOf(cell, of, labels, seed))) continue;
      if (dataset === undefined) {
        dataset = await openDataset(join(data, of.set));
        if (of.mask !== "none") dataset = await maskDataset(dataset, of.mask, { view: "pcap", threads: 1 });
      }
      const cell = { ...of, labels, seed, accuracy: await measure(dataset, labels, seed) };
      cells.push(cell);
      appendFileSync(file, `${JSON.stringify(cell)}\n`);
      process.stderr.write(`${of.set} ${of.mask} ${labels} seed ${seed}\n`);
    }
  }
}

const settings = SETS.flatMap((of) => counts.map((labels) => ({ of, labels }))).filter(({ of, labels }) =>
  cells.some((cell) => isOf(cell, of, labels)),
);
const parts = Object.keys(cells[0]?.accuracy ?? {});
const text = (part, { of, labels }) => {
  const own = cells.filter((cell) => isOf(cell, of, labels)).map(({ accuracy }) => accuracy[part]);
  const { mean, deviation } = meanAndDeviation(own);
  return `${(100 * mean).toFixed(1)} ± ${(100 * deviation).toFixed(1)}`;
};
const commit = execFileSync("git", ["-C", root, "rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
const table = [
  `| | ${settings.map(({ of, labels }) => `${of.set}, mask ${of.mask}, ${labels} labels`).join(" | ")} |`,
  `|---|${settings.map(() => "---|").join("")}`,
  ...parts.map((part) => `| ${part} | ${settings.map((one) => text(part, one)).join(" | ")} |`),
].join("\n");
writeFileSync(
  `${flags.out}.md`,
  `# What each part of experts gives

Test accuracy in per cent, mean and standard deviation over seeds ${flags.seeds}; the given test part, under a mask without duplicates; ${flags.unlabelled} unlabelled
sessions; views pcap and l7. The same labelled rows in every row of a column. Commit ${commit}; \`node bench/experts.mjs\`.

${table}
`,
);
process.stdout.write(`${table}\n`);
