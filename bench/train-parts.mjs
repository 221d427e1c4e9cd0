#!/usr/bin/env node
// Where CLGAN's training step spends its time: each layer alone, forward and with its gradients, in ms and GFLOP/s.
//   node bench/train-parts.mjs [--threads N] [--rounds N]
// Needs `npm run build` and libtorch.
import { parseArgs } from "node:util";
import { Generator, noGrad, scope, setThreads, Tensor, torchInfo } from "../dist/bindings/torch/index.js";

const { values } = parseArgs({
  options: { threads: { type: "string", default: "2" }, rounds: { type: "string", default: "15" } },
});
setThreads(Number(values.threads));
const random = new Generator("cpu", 1);
const draw = (shape) => Tensor.uniform(shape, -0.1, 0.1, random);

const conv = { stride: 1, padding: 2 };
const up = (padding) => ({ stride: 2, padding, outputPadding: 1 });
// Numbers that are multiplied and added, 2 each, in one forward pass of an image; a gradient by input or by weight is as many.
const parts = [
  {
    name: "LSTM 64 -> 256, 28 steps",
    batch: 512,
    each: 28 * 1024 * 320,
    leaves: (n) => [[n, 28, 64], [1024, 64], [1024, 256], [1024], [1024]].map(draw),
    run: ([x, ...weights]) => x.lstm(weights, 256),
  },
  ...[
    [28, 128],
    [128, 64],
  ].map(([inputs, outputs]) => ({
    name: `convolution ${inputs} -> ${outputs}, 5 taps`,
    batch: 512,
    each: 28 * 5 * inputs * outputs,
    leaves: (n) => [[n, 28, inputs], [outputs, inputs, 5], [outputs]].map(draw),
    run: ([x, weight, bias]) => x.sequenceConv(weight, bias, conv),
  })),
  ...[
    [128, 64, 4, 2],
    [64, 32, 8, 2],
    [32, 1, 16, 4],
  ].map(([inputs, outputs, side, padding]) => ({
    name: `transposed convolution ${inputs} -> ${outputs}, ${side} x ${side}`,
    batch: 256,
    each: side * side * 25 * inputs * outputs,
    leaves: (n) => [[n, inputs, side, side], [inputs, outputs, 5, 5], [outputs]].map(draw),
    run: ([x, weight, bias]) => x.convTranspose2d(weight, bias, up(padding)),
  })),
];

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
function milliseconds(task) {
  const times = Array.from({ length: Number(values.rounds) }, () => {
    const start = performance.now();
    scope(task);
    return performance.now() - start;
  });
  return median(times.slice(1));
}

console.log(`libtorch ${torchInfo().version}, ${values.threads} threads; medians of ${values.rounds - 1}\n`);
console.log("| layer, batch | forward, ms | GFLOP/s | with both gradients, ms | GFLOP/s |");
console.log("|---|--:|--:|--:|--:|");
for (const { name, batch, each, leaves, run } of parts) {
  const given = leaves(batch).map((leaf) => leaf.keep());
  const forward = milliseconds(() => void noGrad(() => run(given)));
  for (const leaf of given) leaf.setRequiresGrad(true);
  const ones = scope(() => Tensor.ones(run(given).shape).keep());
  const both = milliseconds(() => {
    for (const leaf of given) leaf.clearGrad();
    run(given).multiply(ones).sum().backward();
  });
  const rate = (passes, ms) => ((passes * 2 * each * batch) / ms / 1e6).toFixed(0);
  console.log(
    `| ${name}, ${batch} | ${forward.toFixed(1)} | ${rate(1, forward)} | ${both.toFixed(1)} | ${rate(3, both)} |`,
  );
}
