#!/usr/bin/env node
// What classifying costs: sessions a second, the delay of the calling thread's event loop meanwhile, and memory, of
// onnxruntime-node used plainly, of the best setting that a sweep finds for it, and of flowglyph's Classifier; all on the
// same model and images, in processes of their own, turn by turn. Needs the built package.
//
//   npm run bench:classify -- [--model run|model.onnx] [--distilled run|model.onnx] [--seconds 4] [--rounds 3]
//     [--loads 1000] [--capture web.pcap] [-o bench/results/classify.md]
//
// With --capture, the whole way too: that capture to Parquet with the distilled model, by the command line. A capture of
// 30 KB a session: build/bench/bench/native/flowglyph_generate_capture --profile web --sessions 120000 --out web.pcap
// Without --model it trains CNN-LSTM for one epoch on the sample captures: speed does not ask what weights are worth.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runPipeline } from "./classify/pipeline.mjs";
import { classifyReport } from "./classify/report.mjs";
import { runPeer, runPython } from "./classify/run-peer.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({
  options: {
    model: { type: "string" },
    distilled: { type: "string" },
    seconds: { type: "string", default: "4" },
    rounds: { type: "string", default: "3" },
    loads: { type: "string", default: "1000" },
    capture: { type: "string" },
    output: { type: "string", short: "o", default: join(root, "bench/results/classify.md") },
  },
});
const seconds = Number(values.seconds);
const folder = mkdtempSync(join(tmpdir(), "flowglyph-bench-"));

/** A model to measure where none is given. */
function trainOne() {
  const cli = join(root, "dist/src/cli/main.js");
  const run = (...args) =>
    execFileSync(process.execPath, [cli, ...args], { stdio: ["ignore", "ignore", "inherit"] });
  run("encode", join(root, "test/captures"), "-o", join(folder, "dataset"));
  run("train", join(folder, "dataset"), "-o", join(folder, "run"), "--model", "cnn-lstm", "--epochs", "1");
  return join(folder, "run");
}

// What was calibrated when the machine did other things is no setting for this run.
process.env.XDG_CACHE_HOME = folder;

const note = (text) => process.stderr.write(`${text}\n`);

try {
  const { modelFile } = await import("../dist/src/inference/index.js");
  const { readModelMetadata } = await import("../dist/src/onnx/index.js");
  const model = await modelFile(values.model ?? trainOne());
  const distilled = values.distilled && (await modelFile(values.distilled));

  note("sweep");
  const sweep = runPeer({ kind: "sweep", model, seconds: Math.max(0.2, seconds / 16) }).settings;
  const best = sweep.reduce((a, b) => (a.perSecond > b.perSecond ? a : b));
  const contenders = [
    { name: "onnxruntime-node, batch 1, as it comes", kind: "plain", batch: 1 },
    { name: "onnxruntime-node, batch 64, as it comes", kind: "plain", batch: 64 },
    {
      name: `onnxruntime-node, best of the sweep (batch ${best.batch}, ${best.threads} thread${best.threads > 1 ? "s" : ""})`,
      kind: "plain",
      batch: best.batch,
      threads: best.threads,
    },
    { name: "flowglyph", kind: "ours" },
    ...(distilled ? [{ name: "flowglyph, distilled", kind: "ours", model: distilled }] : []),
  ].map((contender) => ({ model, results: [], ...contender }));

  // The same verdicts, before anything is timed.
  const [reference, ...others] = contenders
    .filter((contender) => contender.model === model)
    .map((contender) => runPeer({ ...contender, results: undefined, seconds: 0 }).probabilities);
  for (const other of others) {
    const furthest = Math.max(...other.map((value, i) => Math.abs(value - reference[i])));
    if (!(furthest < 1e-5)) throw new Error(`verdicts differ by ${furthest}`);
  }

  for (let round = 0; round < Number(values.rounds); round++) {
    for (const contender of contenders) {
      note(`round ${round + 1}: ${contender.name}`);
      contender.results.push(runPeer({ ...contender, results: undefined, seconds }));
    }
  }
  const pipeline = [];
  if (values.capture) {
    const small = distilled ?? model;
    const metadata = await readModelMetadata(small);
    for (let round = 0; round < Number(values.rounds); round++) {
      note(`round ${round + 1}: capture to Parquet`);
      pipeline.push(runPipeline({ model: small, metadata, capture: values.capture, folder }));
    }
  }
  note("Python");
  const python = runPython(model, seconds / 4);
  const loads = Number(values.loads);
  if (loads > 0) note(`${loads} models loaded and closed`);
  const memory = loads > 0 ? runPeer({ kind: "loads", model, loads }) : undefined;
  const report = classifyReport({
    model,
    contenders,
    sweep,
    best,
    python,
    memory,
    distilled,
    pipeline,
    seconds,
    rounds: values.rounds,
    root,
  });
  writeFileSync(values.output, report);
  process.stdout.write(report);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
