#!/usr/bin/env node
// Builds what the capture benchmark needs, then runs it: capture/main.ts says what it measures and which options it has.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function run(program, args, { mayFail = false } = {}) {
  const { status } = spawnSync(program, args, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0 && !mayFail) process.exit(status ?? 1);
}

if (!existsSync(join(root, "build/Release/flowglyph_capture.node"))) {
  console.error("the capture addon is not built: npm run setup");
  process.exit(1);
}
console.error("building the benchmark");
run("cmake", ["-S", ".", "-B", "build/bench", "-DFLOWGLYPH_BENCH=ON", "-DCMAKE_BUILD_TYPE=Release"]);
run("cmake", ["--build", "build/bench", "-j2"]);
run("node_modules/.bin/tsc", ["-p", "bench/tsconfig.json"]);
if (!existsSync(join(root, "bench/peers/node_modules/pcap-parser"))) {
  const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
  run("npm", ["install", "--prefix", "bench/peers", ...quiet], { mayFail: true });
}
const main = join(root, "build/bench-js/bench/capture/main.js");
const { status } = spawnSync(process.execPath, [main, "--root", root, ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.exit(status ?? 1);
