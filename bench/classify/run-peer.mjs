// Starts a contender in a process of its own, and reads the one line of JSON that it prints.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const PEER = fileURLToPath(new URL("peer.mjs", import.meta.url));
const PYTHON = fileURLToPath(new URL("peer.py", import.meta.url));

export function runPeer(task) {
  const { status, stdout } = spawnSync(process.execPath, ["--expose-gc", PEER, JSON.stringify(task)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`the contender ended with ${status}: ${JSON.stringify(task)}`);
  return JSON.parse(stdout);
}

/** The best of batch and threads with Python's onnxruntime; undefined where that cannot be imported. */
export function runPython(model, seconds) {
  const { status, stdout } = spawnSync("python3", [PYTHON, model, String(seconds)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return status === 0 ? JSON.parse(stdout) : undefined;
}
