#!/usr/bin/env node
// Masking images that exist: images a second of processor time on one thread, beside a copy of the same bytes and reading
// them from their files, in turns. What masking gives is compared with a second pass on two threads first.
// Needs `npm run build` and a folder of the public image sets (FLOWGLYPH_DATA).
//   node bench/masks.mjs [--rounds N] [--out FILE.md]
import { existsSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openDataset } from "../dist/src/dataset/index.js";
import { maskImages } from "../dist/src/dataset/mask-images.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const data = process.env.FLOWGLYPH_DATA ?? join(root, "../shared/data");
const { values: flags } = parseArgs({ options: { rounds: { type: "string" }, out: { type: "string" } } });
const rounds = Number(flags.rounds ?? 9);
const SETS = ["iscx12/SessionAllLayers", "ustc20/SessionAllLayers"];
const MASKS = ["identity", "stack"];

/** Processor seconds of this process, all threads. */
async function processorSeconds(work) {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const options = (mask, threads) => ({ view: "pcap", mask, decap: "all", protocols: ["tcp", "udp"], threads });

const lines = [
  "| images | mask | images | packets masked, cut off by the end | images/s | a copy of the bytes, images/s | reading the gzipped IDX files, images/s |",
  "|---|---|---|---|---|---|---|",
];
for (const set of SETS) {
  const folder = join(data, set);
  if (!existsSync(folder)) {
    console.error(`skipped: no ${folder}; FLOWGLYPH_DATA names the folder of the public image sets`);
    continue;
  }
  const { images, count } = await openDataset(folder);
  for (const mask of MASKS) {
    const first = await maskImages(images, options(mask, 1));
    const second = await maskImages(images, options(mask, 2));
    if (Buffer.compare(first.images, second.images) !== 0) throw new Error("threads change what is masked");
    const seconds = { mask: [], copy: [], read: [] };
    for (let round = 0; round < rounds; round++) {
      seconds.mask.push(await processorSeconds(() => maskImages(images, options(mask, 1))));
      seconds.copy.push(await processorSeconds(() => images.slice()));
      if (round < 3) seconds.read.push(await processorSeconds(() => openDataset(folder)));
    }
    const rate = (name) => Math.round(count / median(seconds[name])).toLocaleString("en-US");
    const { packets, cutPackets } = first.counts;
    lines.push(
      `| ${set} | ${mask} | ${count} | ${packets}, ${cutPackets} | ${rate("mask")} | ${rate("copy")} | ${rate("read")} |`,
    );
  }
}
const text = `# Masks on published images

\`node bench/masks.mjs\`: one thread, images a second of processor time, medians of ${rounds} interleaved rounds; the copies into
and out of native memory are in it. What masks take away from scores: [compare](compare/report.md).

${lines.join("\n")}

Machine: ${cpus().length} cores of ${cpus()[0]?.model}, Node ${process.version}; load ${loadavg()[0].toFixed(1)}.
`;
if (flags.out) writeFileSync(flags.out, text);
console.log(text);
