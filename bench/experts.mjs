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
import { meanAndDeviation } from "../dist/src/evaluation/metrics.js";
import { findModel } from "../dist/src/models/registry.js";
import { fitTables, sessionFactors } from "../dist/src/models/session-factors.js";

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
const NONE = { count: 0, take: () => new Uint8Array() };

/** Columns [from, from + width) of rows of `all`. */
const columns = (matrix, all, from, width) =>
  Float32Array.from({ length: (matrix.length / all) * width }, (_, i) => {
    const row = Math.floor(i / width);
    return matrix[row * all + from + (i - row * width)];
  });

async function linear(train, labels, test, classes) {
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
  const all = Uint32Array.from([...rows, ...split.unlabelled]);
  const pool = gatherImages(dataset, all);
  const options = { dimensions: DIMENSIONS, seed };
  const tables = await fitTables(pool, Uint32Array.from(all.keys()), options);
  const [learned, asked] = [await sessionFactors(images, tables), await sessionFactors(test, tables)];
  const half = (matrix, from) => columns(matrix, 2 * DIMENSIONS, from, DIMENSIONS);
  const request = { images, labels: own, classes, seed };
  const helped = { ...request, unlabelled: imageSource(dataset, split.unlabelled) };
  const alone = { ...request, unlabelled: NONE };
  const scores = {
    "factors of pairs": await linear(half(learned, 0), own, half(asked, 0), classes),
    "factors of places": await linear(half(learned, DIMENSIONS), own, half(asked, DIMENSIONS), classes),
    factors: await linear(learned, own, asked, classes),
    "factors, no unlabelled sessions": await fitted("factors", alone, test),
    trees: await fitted("trees", alone, test),
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
