// Runs the built command line as a user does: a process of its own, both outputs, the exit status.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));

export function runCli(
  args: readonly string[],
  options: {
    readonly input?: Uint8Array;
    readonly killAfter?: RegExp;
    /** Ctrl-C, once, when standard error has said this. */
    readonly interruptAfter?: RegExp;
    readonly env?: NodeJS.ProcessEnv;
  } = {},
): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ...options.env } });
    let interrupted = false;
    const result = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      result.stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      result.stderr += text;
      if (options.killAfter?.test(result.stderr)) child.kill("SIGKILL");
      if (!interrupted && options.interruptAfter?.test(result.stderr)) {
        interrupted = true;
        child.kill("SIGINT");
      }
    });
    child.on("error", reject).on("close", (code) => resolve({ code, ...result }));
    child.stdin.on("error", () => undefined).end(options.input);
  });
}
