// The whole way: `flowglyph classify CAPTURE -o verdicts.parquet`, a process each time, from its start to its end.
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));

/** A model of images from elsewhere does not know its view and mask: any will do for its speed. */
const TOLD = ["--view", "l3", "--mask", "identity"];

/** One run: seconds, and what was classified. */
export function runPipeline({ model, metadata, capture, folder }) {
  const told = metadata.view === "unknown" ? TOLD : [];
  const output = join(folder, "verdicts.parquet");
  const started = performance.now();
  const summary = execFileSync(
    process.execPath,
    [CLI, "classify", capture, "--model", model, ...told, "-o", output, "--json"],
    { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
  );
  const seconds = (performance.now() - started) / 1000;
  const { sessions } = JSON.parse(summary);
  return { seconds, sessions, bytes: statSync(capture).size, parquetBytes: statSync(output).size };
}
