// Runs the built command line as a user does: a process of its own, both outputs, the exit status.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

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
    /** SIGKILL when this says so; it is asked every few milliseconds. */
    readonly killWhen?: () => boolean;
    /** Ctrl-C, once, when standard error has said this. */
    readonly interruptAfter?: RegExp;
    readonly env?: NodeJS.ProcessEnv;
  } = {},
): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ...options.env } });
    let interrupted = false;
    const watching = setInterval(() => {
      if (options.killWhen?.()) child.kill("SIGKILL");
    }, 5);
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
    child.on("error", reject).on("close", (code) => {
      clearInterval(watching);
      resolve({ code, ...result });
    });
    child.stdin.on("error", () => undefined).end(options.input);
  });
}

/** The command line with standard input that stays open until it is ended, to be written to and interrupted. */
export function startCli(args: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["pipe", "pipe", "pipe"] });
  const result = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      result[name] += text;
    });
  }
  child.stdin.on("error", () => undefined);
  onTestFinished(() => void child.kill("SIGKILL"));
  return {
    pid: child.pid,
    write: (bytes: Uint8Array) => child.stdin.write(bytes),
    end: () => child.stdin.end(),
    signal: (name: NodeJS.Signals) => child.kill(name),
    /** Ctrl-C. */
    interrupt: () => child.kill("SIGINT"),
    /** What was printed so far. */
    printed: result,
    ended: once(child, "close").then(([code]): CliResult => ({ code: code as number | null, ...result })),
  };
}
