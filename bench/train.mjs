#!/usr/bin/env node
// Builds what the training benchmark needs, then runs it: train/main.ts says what it measures and which options it has.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function run(program, args, { mayFail = false } = {}) {
  const { status } = spawnSync(program, args, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0 && !mayFail) process.exit(status ?? 1);
}

if (!existsSync(join(root, "build/Release/flowglyph_torch.node"))) {
  console.error("the torch addon is not built (it needs libtorch): npm run setup");
  process.exit(1);
}
run("node_modules/.bin/tsc", ["-p", "bench/tsconfig.json"]);
if (
  !process.argv.includes("--torch") &&
  !existsSync(join(root, "bench/peers/node_modules/@tensorflow/tfjs"))
) {
  const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
  run("npm", ["install", "--prefix", "bench/peers", ...quiet], { mayFail: true });
}
const main = join(root, "build/bench-js/bench/train/main.js");
const { status } = spawnSync(process.execPath, [main, "--root", root, ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.exit(status ?? 1);
