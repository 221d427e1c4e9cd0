#!/usr/bin/env node
// Trees beside scikit-learn's ExtraTreesClassifier(200, n_jobs=1): the same training rows and test images, accuracy first,
// then processor time of growing and of asking, one thread each, in turns; and that two threads grow the same trees. Needs
// `npm run build`, a folder of the public image sets (FLOWGLYPH_DATA), and a python3 with scikit-learn (FLOWGLYPH_PYTHON
// names another python).
//   node bench/trees.mjs [--seeds N] [--rounds N] [--out FILE.md]
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gatherImages, gatherLabels } from "../dist/src/dataset/dataset.js";
import { makeSplit, openDataset } from "../dist/src/dataset/index.js";
import { predictedClasses } from "../dist/src/evaluation/evaluate.js";
import { growTrees, treeProbabilities } from "../dist/src/evaluation/extra-trees.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const data = process.env.FLOWGLYPH_DATA ?? join(root, "../shared/data");
const string = { type: "string" };
const { values: flags } = parseArgs({ options: { seeds: string, rounds: string, out: string } });
const seeds = Array.from({ length: Number(flags.seeds ?? 2) }, (_, i) => i + 1);
const rounds = Number(flags.rounds ?? 3);
const SETS = ["iscx12/SessionAllLayers", "iscx12/SessionL7", "ustc20/SessionL7", "ustc20/SessionAllLayers"];
const LABELS = [100, 1000, 2000, "10%"];

const PYTHON = `
import sys, time
import numpy as np
from sklearn.ensemble import ExtraTreesClassifier
folder, seed = sys.argv[1], int(sys.argv[2])
read = lambda name, dtype: np.fromfile(f"{folder}/{name}", dtype)
train, test = read("train", np.uint8).reshape(-1, 784), read("test", np.uint8).reshape(-1, 784)
start = time.process_time()
forest = ExtraTreesClassifier(200, n_jobs=1, random_state=seed).fit(train, read("labels", np.int32))
grown = time.process_time()
predicted = forest.predict_proba(test).argmax(1)
asked = time.process_time()
print(grown - start, asked - grown, (forest.classes_[predicted] == read("expected", np.int32)).mean())
`;

function scikitLearn(folder, seed) {
  const { status, stdout, stderr } = spawnSync(
    process.env.FLOWGLYPH_PYTHON ?? "python3",
    ["-c", PYTHON, folder, String(seed)],
    { encoding: "utf8", env: { ...process.env, OMP_NUM_THREADS: "1" } },
  );
  if (status !== 0) throw new Error(`scikit-learn did not run: ${stderr}`);
  const [grow, ask, accuracy] = stdout.trim().split(" ").map(Number);
  return { grow, ask, accuracy };
}

/** Processor seconds of all threads of this process. */
function processorSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function ours(train, labels, test, expected, classes, seed, constants, threads = 1) {
  const wall = performance.now();
  const start = processorSeconds();
  const trees = await growTrees(train, labels, { classes, trees: 200, seed, constants, threads });
  const grown = processorSeconds();
  const wallGrow = (performance.now() - wall) / 1000;
  const predicted = predictedClasses(await treeProbabilities(trees, test, 784, { classes }), classes);
  const ask = processorSeconds() - grown;
  const accuracy = predicted.filter((label, i) => label === expected[i]).length / expected.length;
  return { grow: grown - start, ask, accuracy, wallGrow, trees };
}

const mean = (runs, key) => runs.reduce((sum, run) => sum + run[key], 0) / runs.length;
const percent = (runs) => (100 * mean(runs, "accuracy")).toFixed(1);
function median(runs, key) {
  const sorted = runs.map((run) => run[key]).sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

const folder = mkdtempSync(join(tmpdir(), "flowglyph-trees-"));
const rows = [];
const ratios = [];
try {
  for (const set of SETS) {
    if (!existsSync(join(data, set))) {
      console.error(`skipped: no ${join(data, set)}`);
      continue;
    }
    const dataset = await openDataset(join(data, set));
    const classes = dataset.classes.length;
    for (const labels of LABELS) {
      const runs = { ours: [], skipped: [], two: [], scikit: [] };
      let images = 0;
      for (const seed of seeds) {
        const split = makeSplit(dataset, { labels, seed });
        const learnt = Uint32Array.from([...split.labelled, ...split.validation]);
        images = learnt.length;
        const train = gatherImages(dataset, learnt);
        const trainLabels = gatherLabels(dataset, learnt);
        const test = gatherImages(dataset, split.test);
        const expected = gatherLabels(dataset, split.test);
        const grow = (constants, threads) =>
          ours(train, trainLabels, test, expected, classes, seed, constants, threads);
        for (const [name, bytes] of Object.entries({ train, test, labels: trainLabels, expected }))
          writeFileSync(join(folder, name), bytes);
        await grow("counted"); // the addon is loaded, and this code compiled, once for all
        for (let round = 0; round < rounds; round++) {
          runs.scikit.push(scikitLearn(folder, seed));
          const one = await grow("counted");
          const two = await grow("counted", 2);
          assert.deepEqual(two.trees, one.trees, "two threads grow other trees");
          runs.ours.push(one);
          runs.two.push(two);
          runs.skipped.push(await grow("skipped"));
        }
      }
      const [grow, skipped, peer] = [runs.ours, runs.skipped, runs.scikit].map((one) => median(one, "grow"));
      const [ask, peerAsk] = [median(runs.ours, "ask"), median(runs.scikit, "ask")];
      const faster = median(runs.ours, "wallGrow") / median(runs.two, "wallGrow");
      ratios.push(peer / grow);
      rows.push(
        `| ${set} | ${images} | ${percent(runs.scikit)} | ${percent(runs.ours)} | ${percent(runs.skipped)} | ${peer.toFixed(2)} | ` +
          `${grow.toFixed(3)} | ${(peer / grow).toFixed(1)} | ${skipped.toFixed(3)} | ${(peer / skipped).toFixed(1)} | ${faster.toFixed(2)} | ` +
          `${peerAsk.toFixed(3)} | ${ask.toFixed(3)} | ${(peerAsk / ask).toFixed(1)} |`,
      );
      console.log(rows.at(-1));
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const commit = spawnSync("git", ["-C", root, "rev-parse", "--short", "HEAD"], {
  encoding: "utf8",
}).stdout.trim();
const report = `# Trees beside scikit-learn

200 trees, the same training rows and test images, one thread each. Accuracy is the mean of ${seeds.length} seeds; seconds are of processor time,
medians of ${rounds} rounds of each seed, the two in turns, on ${cpus()[0].model}; load average
${loadavg()[0].toFixed(1)} at the end (1 is the benchmark itself); commit ${commit}; \`node bench/trees.mjs\`.
"trees" counts features that are constant in a node as tried, as scikit-learn does (\`constants=counted\`); "skipped" draws others for them, as Geurts
et al. write: the default of \`--model trees\`, and the baseline beside every score. "2 threads": how many times as fast by the wall clock, the trees
being the same, bit by bit. Least ratio of growing: ${Math.min(...ratios).toFixed(1)}.

| images | training images | scikit-learn % | trees % | skipped % | scikit-learn grows, s | trees, s | ratio | skipped, s | ratio | 2 threads | scikit-learn predicts, s | trees, s | ratio |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
${rows.join("\n")}
`;
if (flags.out !== undefined) writeFileSync(flags.out, report);
