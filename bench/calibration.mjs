#!/usr/bin/env node
// What calibration does to probabilities on test images that nobody looked at, and whether promised errors hold there.
// Resumable: what the output's .jsonl holds is not computed again. Needs `npm run build` and a folder of the public image
// sets (FLOWGLYPH_DATA); networks need libtorch.
//   node bench/calibration.mjs [--models trees,cnn-lstm] [--sets ...] [--labels 20,100,1000,10%] [--seeds 1,2,3] [--config JSON]
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { torchAvailable } from "../dist/bindings/torch/index.js";
import { makeSplit, openDataset } from "../dist/src/dataset/index.js";
import { findModel } from "../dist/src/models/registry.js";
import { train } from "../dist/src/training/index.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const data = process.env.FLOWGLYPH_DATA ?? join(root, "../shared/data");
const { values: flags } = parseArgs({
  options: {
    models: { type: "string", default: "trees" },
    sets: { type: "string", default: "iscx12/SessionAllLayers,ustc20/SessionL7" },
    labels: { type: "string", default: "20,100,1000,10%" },
    seeds: { type: "string", default: "1,2,3" },
    config: { type: "string", default: "{}" },
    out: { type: "string", default: join(root, "bench/results/calibration") },
  },
});
const file = `${flags.out}.jsonl`;
const cells = existsSync(file)
  ? readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  : [];
const key = ({ model, set, labels, seed }) => [model, set, labels, seed].join(" ");

for (const set of flags.sets.split(",")) {
  if (!existsSync(join(data, set))) continue;
  const dataset = await openDataset(join(data, set));
  for (const model of flags.models.split(",")) {
    if (!("fit" in findModel(model)) && !torchAvailable()) continue;
    for (const labels of flags.labels.split(",").map((text) => (text.endsWith("%") ? text : Number(text)))) {
      for (const seed of flags.seeds.split(",").map(Number)) {
        if (cells.some((one) => key(one) === key({ model, set, labels, seed }))) continue;
        const split = makeSplit(dataset, { labels, seed, unlabeled: 0 });
        const run = mkdtempSync(join(tmpdir(), "flowglyph-calibration-"));
        try {
          const config = { model, seed, labels, unlabeled: 0, threads: 1, ...JSON.parse(flags.config) };
          const { metrics } = await train(dataset, split, config, { run });
          const { accuracy, calibration, unknown } = metrics;
          const asked = unknown.map(({ asked: error, level, unknown: lost, wrong }) => ({
            error,
            ...(level && { lost, wrong }),
          }));
          const one = { model, set, labels, seed, accuracy, calibration, asked };
          cells.push(one);
          appendFileSync(file, `${JSON.stringify(one)}\n`);
          const { before, after, temperature } = calibration;
          console.log(
            key(one),
            before.expectedError.toFixed(3),
            after.expectedError.toFixed(3),
            temperature.toFixed(2),
          );
        } finally {
          rmSync(run, { recursive: true, force: true });
        }
      }
    }
  }
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
const percent = (value) => (100 * value).toFixed(1);
const groups = [...new Set(cells.map(({ model, set, labels }) => JSON.stringify({ set, model, labels })))];
const rows = groups.map((text) => {
  const group = JSON.parse(text);
  const own = cells.filter((one) => Object.entries(group).every(([name, value]) => one[name] === value));
  const of = (pick) => mean(own.map((one) => pick(one.calibration)));
  const asked = [0.05, 0.1, 0.2].map((error) => {
    const possible = own
      .map((one) => one.asked.find((a) => a.error === error))
      .filter((a) => a?.wrong !== undefined);
    if (possible.length === 0) return "never";
    const broken = possible.filter(({ wrong }) => wrong > error).length;
    return `${percent(mean(possible.map(({ lost }) => lost)))}, ${percent(mean(possible.map(({ wrong }) => wrong)))} (${possible.length} of ${own.length}; ${broken} broken)`;
  });
  return [
    group.set,
    group.model,
    group.labels,
    own.length,
    percent(mean(own.map((one) => one.accuracy))),
    `${percent(of((c) => c.before.expectedError))} → ${percent(of((c) => c.after.expectedError))}`,
    `${of((c) => c.before.logLoss).toFixed(2)} → ${of((c) => c.after.logLoss).toFixed(2)}`,
    of((c) => c.temperature).toFixed(2),
    percent(of((c) => c.chance)),
    Math.round(of((c) => c.rows)),
    ...asked,
  ].join(" | ");
});
const commit = execFileSync("git", ["-C", root, "rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
writeFileSync(
  `${flags.out}.md`,
  `# Calibration

\`node bench/calibration.mjs\`: published images (mask none, the published test part), means over seeds. Expected calibration error (ten bins, per cent) and log loss on the test images,
before → after; the temperature, the share of chance and the images that they were fitted on (networks: validation; others: cross-fitting). Then \`--unknown-error\` 5, 10 and 20 %:
sessions that become \`unknown\` and wrong ones among the verdicts given, per cent; in brackets how many models could promise it, and how many broke it on the test images (one in ten may).
${cpus()[0].model}, commit ${commit}.

| images | model | labels | seeds | accuracy % | calibration error % | log loss | temperature | chance % | fitted on | at 5 % | at 10 % | at 20 % |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
${rows.map((row) => `| ${row} |`).join("\n")}
`,
);
