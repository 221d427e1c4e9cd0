// Where ONNX Runtime runs: off the calling thread, because its run() computes on the thread that calls it.
// In the main thread: in a worker thread, and image memory is transferred there and back (ONNX Runtime refuses
// SharedArrayBuffer; a transfer takes microseconds, a copy up to a millisecond a batch).
// In a worker thread: in a process. A worker's own worker threads are ended with it, without a word before, and ending
// one inside ONNX Runtime aborts the process (gate.ts). The pipe costs less than a hundredth of what a batch computes.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { isMainThread, Worker } from "node:worker_threads";
import { packageRoot } from "../../bindings/package-root.ts";
import { closeGate, makeGate } from "./gate.ts";
import type { FromHost, Setup, ToHost } from "./messages.ts";

export interface Host {
  send(message: ToHost): void;
  /** Whether the host keeps the process alive; it does until told otherwise. */
  keepAlive(keep: boolean): void;
}

export interface HostEvents {
  message(message: FromHost): void;
  /** The host is gone, once; `cause` where something went wrong. */
  gone(cause: Error | undefined): void;
}

export type HostSetup = Omit<Setup, "gate">;

// Threads and processes need JavaScript: run from source (tests), the built file is the one that works.
const HOST_URL = import.meta.url.endsWith(".ts")
  ? new URL("dist/src/inference/host-main.js", packageRoot())
  : new URL("./host-main.js", import.meta.url);

export function startHost(setup: HostSetup, events: HostEvents): Host {
  return isMainThread ? startThread(setup, events) : startProcess(setup, events);
}

// Before Node ends the threads, at the exit of the process.
const gates = new Set<Int32Array>();
let watching = false;

function watchExit(): void {
  if (watching) return;
  watching = true;
  process.once("exit", () => {
    for (const gate of gates) closeGate(gate);
  });
}

function startThread(setup: HostSetup, events: HostEvents): Host {
  const gate = makeGate();
  gates.add(gate);
  watchExit();
  // No flags of the process: --input-type or --import of the caller's are not for this file.
  const worker = new Worker(HOST_URL, { execArgv: [] });
  let cause: Error | undefined;
  worker.on("message", events.message);
  worker.on("error", (error) => {
    cause = error;
  });
  worker.on("exit", () => {
    gates.delete(gate);
    events.gone(cause);
  });
  worker.postMessage({ ...setup, gate } satisfies Setup);
  return {
    send: (message) => worker.postMessage(message, message === null ? [] : [message.images.buffer]),
    keepAlive: (keep) => (keep ? worker.ref() : worker.unref()),
  };
}

function startProcess(setup: HostSetup, events: HostEvents): Host {
  const child = fork(fileURLToPath(HOST_URL), {
    execArgv: [],
    serialization: "advanced",
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  let lent: Uint8Array<ArrayBuffer> | undefined;
  let cause: Error | undefined;
  child.on("message", (message) => {
    const received = message as FromHost;
    events.message(received.kind === "scores" ? { ...received, images: lent } : received);
  });
  child.on("error", (error) => {
    cause = error;
    // Where it did not even start there is no exit.
    if (child.pid === undefined) events.gone(error);
  });
  child.on("exit", (code, signal) => {
    events.gone(
      cause ?? (code === 0 ? undefined : new Error(`it ended with ${signal ?? `exit code ${code}`}`)),
    );
  });
  // A send to a process that has just died is told by its exit.
  const post = (message: object | null) => child.send(message as object, () => undefined);
  post({ ...setup, gate: undefined } satisfies Setup);
  return {
    send(message) {
      lent = message?.images;
      post(message);
    },
    keepAlive(keep) {
      if (keep) {
        child.ref();
        child.channel?.ref();
      } else {
        child.unref();
        child.channel?.unref();
      }
    },
  };
}
