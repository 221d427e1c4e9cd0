// Runs an ES module in a Node process of its own, from the package's root, where `import "flowglyph"` is the built
// package. What ends a process (a crash, an exit in mid-job) can be seen only from outside it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../bindings/package-root.ts";

export interface ScriptOutcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  /** Not null: it crashed, or ran longer than the limit. */
  readonly signal: NodeJS.Signals | null;
}

/** `data` is the script's global `data`. */
export async function runScript(
  source: string,
  data: unknown = {},
  limitMs = 50_000,
): Promise<ScriptOutcome> {
  const script = `const data = ${JSON.stringify(data)};\n${source}`;
  const child = spawn(process.execPath, ["--expose-gc", "--input-type=module", "-e", script], {
    cwd: fileURLToPath(packageRoot()),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => (output[stream] += text));
  }
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  return { ...output, code, signal };
}

/** The JSON that the script printed; fails where it, or a process that it started, ended badly or complained. */
export async function runForJson<T>(source: string, data: unknown = {}): Promise<T> {
  const { stdout, stderr, code, signal } = await runScript(source, data);
  if (code !== 0 || stderr !== "") {
    throw new Error(`the script ended with ${signal ?? `exit code ${code}`}: ${stderr}`);
  }
  return JSON.parse(stdout) as T;
}
