#!/usr/bin/env node
// What calibration does to probabilities on test images that nobody looked at, and whether promised errors hold there.
// Resumable: what the output's .jsonl holds is not computed again. Needs `npm run build` and a folder of the public image
// sets (FLOWGLYPH_DATA); networks need libtorch.
//   node bench/calibration.mjs [--models trees,cnn-lstm] [--sets ...] [--labels 20,100,1000,10%] [--seeds 1,2,3] [--config JSON]
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { commit } from "./sample-model.mjs";
import { mean, openCells, percent, readFlags, rowsOf, settings, withTrained } from "./trained-cells.mjs";

const flags = readFlags("calibration", { labels: "20,100,1000,10%", seeds: "1,2,3" });
const { cells, keyOf, has, add } = openCells(`${flags.out}.jsonl`, ["model", "set", "labels", "seed"]);

for await (const { dataset, ...cell } of settings(flags)) {
  if (has(cell)) continue;
  const { model, set, labels, seed } = cell;
  const one = await withTrained({ dataset, ...cell }, flags, ({ metrics }) => {
    const { accuracy, calibration, unknown } = metrics;
    const asked = unknown.map(({ asked: error, level, unknown: lost, wrong }) => ({
      error,
      ...(level && { lost, wrong }),
    }));
    return { model, set, labels, seed, accuracy, calibration, asked };
  });
  add(one);
  const { before, after, temperature } = one.calibration;
  console.log(
    keyOf(one),
    before.expectedError.toFixed(3),
    after.expectedError.toFixed(3),
    temperature.toFixed(2),
  );
}

const rows = rowsOf(cells).map(({ set, model, labels, own }) => {
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
    set,
    model,
    labels,
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
writeFileSync(
  `${flags.out}.md`,
  `# Calibration

\`node bench/calibration.mjs\`: published images (mask none, the published test part), means over seeds. Expected calibration error (ten bins, per cent) and log loss on the test images,
before → after; the temperature, the share of chance and the images that they were fitted on (networks: validation; others: cross-fitting). Then \`--unknown-error\` 5, 10 and 20 %:
sessions that become \`unknown\` and wrong ones among the verdicts given, per cent; in brackets how many models could promise it, and how many broke it on the test images (one in ten may).
${cpus()[0].model}, commit ${commit()}.

| images | model | labels | seeds | accuracy % | calibration error % | log loss | temperature | chance % | fitted on | at 5 % | at 10 % | at 20 % |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
${rows.map((row) => `| ${row} |`).join("\n")}
`,
);
