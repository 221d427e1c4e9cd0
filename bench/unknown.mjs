#!/usr/bin/env node
// How well a model knows what it does not know: for each class left out, a model learns the others, and then sees test
// sessions of all classes. Scores of doubt against each other (area under the ROC curve, left-out against known sessions),
// and what the verdict `unknown` does at a threshold that keeps 95 % of the right verdicts, and at --unknown-error 5 % and 10 %.
// Resumable: what the output's .jsonl holds is not computed again.
// Needs `npm run build` and a folder of the public image sets (FLOWGLYPH_DATA); networks need libtorch.
//   node bench/unknown.mjs [--models trees,cnn-lstm] [--sets ...] [--labels 100,1000] [--seeds 1] [--every 1] [--config JSON]
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { gatherImages, gatherLabels } from "../dist/src/dataset/dataset.js";
import { rocCurve } from "../dist/src/evaluation/curves.js";
import { levelFor } from "../dist/src/evaluation/risk-coverage.js";
import { createModel, findModel } from "../dist/src/models/registry.js";
import { runModel } from "../dist/src/onnx/check.js";
import { readModelMetadata } from "../dist/src/onnx/metadata.js";
import { loadCheckpoint } from "../dist/src/training/checkpoint.js";
import { commit } from "./sample-model.mjs";
import { mean, openCells, percent, readFlags, rowsOf, settings, withTrained } from "./trained-cells.mjs";

const flags = readFlags("unknown", { labels: "100,1000", seeds: "1", every: "1" });
const { cells, has, add } = openCells(`${flags.out}.jsonl`, ["model", "set", "labels", "left", "seed"]);

/** The dataset without class `left`, and the rows of its test part that are of that class. */
function leaveOut(dataset, left) {
  const classes = dataset.classes.filter((_, k) => k !== left);
  const labels = dataset.labels.map((k) => (k === left ? -1 : k > left ? k - 1 : k));
  return { ...dataset, classes, labels };
}

/** Logits of a network's run, float32 [rows, K]; undefined for a fitted model. */
async function logitsOf(name, run, dataset, rows) {
  if ("fit" in findModel(name)) return undefined;
  const { Generator, Tensor } = await import("../dist/bindings/torch/index.js");
  const { TorchBackend } = await import("../dist/src/nn/torch-backend.js");
  const { predictLogits } = await import("../dist/src/training/predict.js");
  const model = createModel(name, {}, { classes: dataset.classes.length, seed: 1 });
  const backend = new TorchBackend(new Generator("cpu", 1));
  backend.adopt(model.root);
  const { weights } = await loadCheckpoint(join(run, "checkpoint.safetensors"));
  model.root.loadStateDict(weights);
  const images = Tensor.fromBuffer(dataset.images, [dataset.count, 28, 28]).keep();
  try {
    return await predictLogits(model, backend, images, rows);
  } finally {
    images.dispose();
    backend.release(model.root);
  }
}

/** Share of bytes that differ from the nearest learned image (Hamming), for each row. */
function distances(dataset, rows, learned) {
  return Float64Array.from(rows, (row) => {
    let least = 784;
    for (const other of learned) {
      let apart = 0;
      for (let k = 0; k < 784 && apart < least; k++)
        if (dataset.images[row * 784 + k] !== dataset.images[other * 784 + k]) apart++;
      least = Math.min(least, apart);
    }
    return least / 784;
  });
}

/** Distance of each row's log-probabilities to the nearest class mean of the learned rows' ones. */
function meanDistances(values, learnedValues, learnedLabels, K) {
  const safe = (x) => Math.max(-20, x);
  const means = Array.from({ length: K }, () => new Float64Array(K + 1));
  for (let i = 0; i < learnedLabels.length; i++) {
    const mean = means[learnedLabels[i]];
    mean[K]++;
    for (let k = 0; k < K; k++) mean[k] += safe(learnedValues[i * K + k]);
  }
  const known = means
    .filter((mean) => mean[K] > 0)
    .map((mean) => mean.subarray(0, K).map((x) => x / mean[K]));
  return Float64Array.from({ length: values.length / K }, (_, i) =>
    Math.min(...known.map((mean) => mean.reduce((sum, m, k) => sum + (safe(values[i * K + k]) - m) ** 2, 0))),
  );
}

for await (const { dataset: whole, ...setting } of settings(flags)) {
  const { model, set, labels } = setting;
  for (let left = 0; left < whole.classes.length; left += Number(flags.every)) {
    if (has({ ...setting, left })) continue;
    const dataset = leaveOut(whole, left);
    const one = await withTrained({ dataset, ...setting }, flags, ({ run, split, metrics }) =>
      doubts({ whole, dataset, left, setting, run, split, metrics }),
    );
    add(one);
    const shown = Object.entries(one.areas).map(([name, area]) => `${name} ${area?.toFixed(3)}`);
    console.log(model, set, labels, whole.classes[left], shown.join(", "));
  }
}

/** One cell: what a model that has not seen class `left` makes of the test images of all classes. */
async function doubts({ whole, dataset, left, setting: { model, set, labels, seed }, run, split, metrics }) {
  const strangers = whole.testRows.filter((row) => whole.labels[row] === left);
  const rows = Uint32Array.from([...split.test, ...strangers]);
  const K = dataset.classes.length;
  const probabilities = await runModel(join(run, "model.onnx"), gatherImages(dataset, rows), K, 64);
  const isStranger = Array.from(rows, (_, i) => i >= split.test.length);
  const truth = gatherLabels(dataset, split.test);
  const best = Array.from(rows, (_, i) => {
    const own = probabilities.subarray(i * K, (i + 1) * K);
    const order = [...own.keys()].sort((a, b) => own[b] - own[a]);
    return { verdict: order[0], p: own[order[0]], margin: own[order[0]] - own[order[1]] };
  });
  const entropy = Float64Array.from(rows, (_, i) => {
    const own = probabilities.subarray(i * K, (i + 1) * K);
    return -own.reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), 0);
  });
  const learned = Uint32Array.from([...split.labelled, ...split.validation]);
  const scores = {
    probability: best.map(({ p }) => -p),
    margin: best.map(({ margin }) => -margin),
    entropy,
    "nearest image": distances(dataset, rows, learned),
  };
  const logits = await logitsOf(model, run, dataset, rows);
  if (logits !== undefined) {
    const sure = Float64Array.from(rows, (_, i) => Math.max(...logits.subarray(i * K, (i + 1) * K)));
    scores["largest logit"] = sure.map((x) => -x);
    scores.energy = sure.map((x, i) => {
      const own = logits.subarray(i * K, (i + 1) * K);
      return -(x + Math.log(own.reduce((sum, z) => sum + Math.exp(z - x), 0)));
    });
    const taught = await logitsOf(model, run, dataset, learned);
    scores["class means"] = meanDistances(logits, taught, gatherLabels(dataset, learned), K);
  }
  const areas = Object.fromEntries(
    Object.entries(scores).map(([name, values]) => [name, rocCurve(values, isStranger)?.area]),
  );
  const given = (threshold) => {
    const known = best.slice(0, split.test.length);
    const verdicts = known.filter(({ p }) => p > threshold);
    const wrong = known.filter(({ p, verdict }, i) => p > threshold && verdict !== truth[i]).length;
    const found = best.slice(split.test.length).filter(({ p }) => p <= threshold).length;
    return {
      threshold,
      strangersUnknown: found / strangers.length,
      knownLost: 1 - verdicts.length / known.length,
      wrong: wrong / Math.max(1, verdicts.length),
    };
  };
  const right = best
    .filter(({ verdict }, i) => verdict === truth[i])
    .map(({ p }) => p)
    .sort((a, b) => a - b);
  const { unknown } = await readModelMetadata(join(run, "model.onnx"));
  const asked = Object.fromEntries(
    [0.05, 0.1, 0.2].map((error) => {
      const level = unknown && levelFor(unknown.levels, error);
      return [error, level ? given(level.threshold) : null];
    }),
  );
  return {
    model,
    set,
    labels,
    left,
    seed,
    name: whole.classes[left],
    strangers: strangers.length,
    accuracy: metrics.accuracy,
    areas,
    keep95: given(right[Math.floor(0.05 * right.length)] - 1e-9),
    asked,
  };
}

const groups = rowsOf(cells);
const NAMES = ["probability", "margin", "entropy", "largest logit", "energy", "class means", "nearest image"];
const areaRows = groups.map(({ own, ...group }) => {
  const cell = (name) => {
    const values = own.map((one) => one.areas[name]).filter((value) => value !== undefined && value !== null);
    return values.length === 0 ? "" : mean(values).toFixed(3);
  };
  return `| ${group.set} | ${group.model} | ${group.labels} | ${own.length} | ${percent(mean(own.map((one) => one.accuracy)))} | ${NAMES.map(cell).join(" | ")} |`;
});
const verdictRows = groups.map(({ own, ...group }) => {
  const keep = ["strangersUnknown", "knownLost"].map((name) =>
    percent(mean(own.map((one) => one.keep95[name]))),
  );
  const asked = [0.05, 0.1, 0.2].map((error) => {
    const possible = own.map((one) => one.asked[error]).filter((value) => value !== null);
    if (possible.length === 0) return "never";
    const broken = possible.filter(({ wrong }) => wrong > error).length;
    const shares = ["strangersUnknown", "knownLost", "wrong"].map((name) =>
      percent(mean(possible.map((one) => one[name]))),
    );
    return `${shares.join(", ")} (${possible.length} of ${own.length}; ${broken} broken)`;
  });
  return `| ${group.set} | ${group.model} | ${group.labels} | ${keep.join(" | ")} | ${asked.join(" | ")} |`;
});
writeFileSync(
  `${flags.out}.md`,
  `# Sessions of classes that a model has never seen

\`node bench/unknown.mjs\`: each class in turn is left out of everything that is learned, and its test images are shown to the model among those of the others.
Published images, mask none, the published test part. ${cpus()[0].model}, commit ${commit()}.

Area under the ROC curve, left-out against known sessions, mean over the left-out classes (0.5: no better than chance). The first three are computed from the
probabilities that every model file gives; logits and class means (of logits) only a network has; "nearest image" is the share of bytes that differ from the nearest labelled image.

| images | model | labels | classes left out | accuracy on the others % | ${NAMES.join(" | ")} |
|---|---|---|---|---|${NAMES.map(() => "---|").join("")}
${areaRows.join("\n")}

What the verdict \`unknown\` does, in per cent, means over the left-out classes. First at the threshold that keeps 95 % of the right verdicts: left-out sessions that become
\`unknown\`, and known ones that do (right or wrong). Then at \`--unknown-error\` 5, 10 and 20 %: left-out sessions that become \`unknown\`, known ones that do, and wrong ones
among the verdicts on known sessions; in brackets how many of the models could promise it, and how many of those broke the promise on the test images (one in ten may).

| images | model | labels | left-out unknown | known unknown | at 5 % | at 10 % | at 20 % |
|---|---|---|---|---|---|---|---|
${verdictRows.join("\n")}
`,
);
