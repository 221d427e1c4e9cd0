#!/usr/bin/env node
// A classifier loaded, used and closed a thousand times: does memory stay flat? Needs `npm run build`.
//   node --expose-gc bench/models.mjs [--times 1000] [--isolation thread|process] [--out FILE.md]
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Classifier } from "../dist/src/index.js";
import { commit, trainSampleModel } from "./sample-model.mjs";

const { values: flags } = parseArgs({
  options: {
    times: { type: "string", default: "1000" },
    isolation: { type: "string", default: "thread" },
    out: { type: "string" },
  },
});
if (globalThis.gc === undefined) throw new Error("expected node --expose-gc: what is garbage is not a leak");
const times = Number(flags.times);
const images = new Uint8Array(784 * 32).map((_, i) => Math.imul(i, 2654435761) >>> 24);

/** Resident memory in MB once garbage is collected. */
async function resident() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await sleep(20);
  }
  return process.memoryUsage.rss() / 1e6;
}

const scratch = mkdtempSync(join(tmpdir(), "flowglyph-models-"));
try {
  const model = join(trainSampleModel(scratch), "model.onnx");
  const rows = [];
  let expected;
  for (let turn = 0; turn <= times; turn++) {
    if (turn % (times / 10) === 0) {
      rows.push(`| ${turn} | ${(await resident()).toFixed(0)} |`);
      console.error(rows.at(-1));
    }
    const classifier = await Classifier.load(model, { workers: 1, batch: 32, isolation: flags.isolation });
    const { probabilities } = await classifier.predict(images);
    await classifier.close();
    expected ??= probabilities;
    if (Buffer.compare(Buffer.from(probabilities.buffer), Buffer.from(expected.buffer)) !== 0)
      throw new Error(`turn ${turn} gives other probabilities than the first`);
  }
  const given = process.argv.slice(2).join(" ");
  const text = `# Models loaded and closed

A classifier with one worker (${flags.isolation}) is loaded, classifies 32 images and is closed, ${times} times; every answer is that of the first. Model: \`factors\` on the sample
captures. Resident memory of the process after a collection:

| closed | resident MB |
|---|---|
${rows.join("\n")}

Machine: ${cpus()[0].model}; Node ${process.version}; commit ${commit()}; ${new Date().toISOString().slice(0, 10)}.

    node --expose-gc bench/models.mjs${given === "" ? "" : ` ${given}`}
`;
  console.log(text);
  if (flags.out) writeFileSync(flags.out, text);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
