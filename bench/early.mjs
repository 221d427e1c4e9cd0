#!/usr/bin/env node
// What a verdict before the end costs: the model is trained on whole sessions of the sample captures, and asked of held-out
// captures after a session's first n packets (`classify --early n`), as soon as its image is full, and at its end. Needs
// `npm run build`.
//   node bench/early.mjs [--seeds 1,2,3,4,5] [--model experts] [--out bench/results/early.md]
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildDataset, makeSplit, openDataset } from "../dist/src/dataset/index.js";
import { meanAndDeviation } from "../dist/src/evaluation/metrics.js";
import { Classifier } from "../dist/src/inference/index.js";
import { train } from "../dist/src/training/index.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const string = { type: "string" };
const { values: flags } = parseArgs({ options: { seeds: string, model: string, out: string } });
const seeds = (flags.seeds ?? "1,2,3,4,5").split(",").map(Number);
const model = flags.model ?? "experts";
const EARLY = [1, 2, 3, 4, 6, 8, 12, true, false];
const LABELS = "40%";

/** Share of right verdicts, and of packets seen, over the sessions of the captures; their folders are their classes. */
async function ask(classifier, captures, early) {
  let [right, sessions, packets] = [0, 0, 0];
  for (const capture of captures) {
    for await (const batch of classifier.classify(capture, { early })) {
      for (let row = 0; row < batch.count; row++) {
        sessions++;
        packets += batch.initiatorPackets[row] + batch.responderPackets[row];
        right += Number(batch.classes[batch.classIndex[row]] === basename(dirname(capture)));
      }
    }
  }
  return { accuracy: right / sessions, packets: packets / sessions };
}

const work = mkdtempSync(join(tmpdir(), "flowglyph-early-"));
const found = new Map(EARLY.map((early) => [early, []]));
try {
  await buildDataset(join(root, "test/captures"), { out: join(work, "dataset") });
  const dataset = await openDataset(join(work, "dataset"));
  for (const seed of seeds) {
    const split = makeSplit(dataset, { kind: "group", labels: LABELS, seed });
    const run = join(work, `run-${seed}`);
    await train(dataset, split, { model, seed, split: "group", labels: LABELS, threads: 1 }, { run });
    const classifier = await Classifier.load(join(run, "model.onnx"), { workers: 1, batch: 32 });
    const captures = split.testGroups.map((group) => join(root, "test", group));
    for (const early of EARLY) found.get(early).push(await ask(classifier, captures, early));
    await classifier.close();
    process.stderr.write(`seed ${seed}\n`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
const commit = execFileSync("git", ["-C", root, "rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
const title = (early) =>
  early === false
    ? "its end"
    : early === true
      ? "784 bytes (`--early`)"
      : `${early} ${early === 1 ? "packet" : "packets"} (\`--early ${early}\`)`;
const rows = EARLY.map((early) => {
  const { mean, deviation } = meanAndDeviation(found.get(early).map(({ accuracy }) => accuracy));
  const packets = meanAndDeviation(found.get(early).map((one) => one.packets)).mean;
  return `| ${title(early)} | ${packets.toFixed(1)} | ${(100 * mean).toFixed(1)} ± ${(100 * deviation).toFixed(1)} |`;
});
const report = `# What early verdicts cost

The sample captures, view l3, mask identity, split by capture, ${LABELS} of the labels and the rest unlabelled, model ${model} trained on whole sessions; all sessions of the held-out captures;
mean and standard deviation over seeds ${seeds.join(", ")}. Commit ${commit}; \`node bench/early.mjs\`.

| verdict after | packets seen, mean | accuracy % |
|---|---|---|
${rows.join("\n")}
`;
if (flags.out) writeFileSync(flags.out, report);
process.stdout.write(report);
