// A model for benchmarks that want one and not a particular one: `factors`, trained on the sample captures in seconds.
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const main = join(root, "dist/src/cli/main.js");
export const sampleCaptures = join(root, "test/captures");

/** The folder of its run, below `scratch`. */
export function trainSampleModel(scratch) {
  const flowglyph = (...args) =>
    execFileSync(process.execPath, [main, ...args], { stdio: ["ignore", "ignore", "inherit"] });
  const [dataset, run] = [join(scratch, "dataset"), join(scratch, "run")];
  flowglyph("encode", sampleCaptures, "-o", dataset);
  flowglyph("train", dataset, "-o", run, "--model", "factors", "--labels", "40%");
  return run;
}

export const commit = () =>
  execFileSync("git", ["-C", root, "rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
