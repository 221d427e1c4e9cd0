// Where ONNX Runtime runs: off the calling thread, because its run() computes on the thread that calls it.
// Of the main thread: in worker threads, and image memory is transferred there and back (ONNX Runtime refuses
// SharedArrayBuffer; a transfer takes microseconds).
// Of a worker thread, and where it is asked for: in processes. A worker's own worker threads are ended with it, without a
// word before, and ending one inside ONNX Runtime aborts the process (gate.ts). A process that dies, for want of memory for
// one, takes nobody with it. The pipe costs less than a hundredth of what a batch computes.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { isMainThread, Worker } from "node:worker_threads";
import { IMAGE_BYTES } from "../../bindings/capture/batch.ts";
import { packageRoot } from "../../bindings/package-root.ts";
import { closeGate, makeGate } from "./gate.ts";
import type { FromHost, Setup, ToHost } from "./messages.ts";

export interface Host {
  send(message: ToHost): void;
  /** Whether the host keeps the process alive; it does until told otherwise. */
  keepAlive(keep: boolean): void;
  /**
   * It hangs: `gone(cause)` follows, and nothing else. A process is killed. A thread cannot be (gate.ts): it is left behind,
   * and ends if ever it comes back.
   */
  abandon(cause: Error): void;
}

export interface HostEvents {
  message(message: FromHost): void;
  /** The host is gone, once; `cause` where something went wrong. */
  gone(cause: Error | undefined): void;
}

export type HostSetup = Omit<Setup, "gate">;

export const ISOLATIONS = ["thread", "process"] as const;
export type Isolation = (typeof ISOLATIONS)[number];

// Threads and processes need JavaScript: run from source (tests), the built file is the one that works.
const HOST_URL = import.meta.url.endsWith(".ts")
  ? new URL("dist/src/inference/host-main.js", packageRoot())
  : new URL("./host-main.js", import.meta.url);

export function startHost(setup: HostSetup, isolation: Isolation, events: HostEvents): Host {
  return isolation === "thread" && isMainThread ? startThread(setup, events) : startProcess(setup, events);
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
  let abandoned = false;
  worker.on("message", (message: FromHost) => {
    if (!abandoned) events.message(message);
  });
  worker.on("error", (error) => {
    cause = error;
  });
  worker.on("exit", () => {
    gates.delete(gate);
    if (!abandoned) events.gone(cause);
  });
  worker.postMessage({ ...setup, gate } satisfies Setup);
  return {
    send: (message) => worker.postMessage(message, message === null ? [] : [message.images.buffer]),
    keepAlive: (keep) => (keep ? worker.ref() : worker.unref()),
    abandon(why) {
      abandoned = true;
      worker.postMessage(null);
      worker.unref();
      events.gone(why);
    },
  };
}

function startProcess(setup: HostSetup, events: HostEvents): Host {
  const child = fork(fileURLToPath(HOST_URL), {
    execArgv: [],
    serialization: "advanced",
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  // Of the requests that are not answered, in order: what the answers are to give back.
  const lent: Uint8Array<ArrayBuffer>[] = [];
  let cause: Error | undefined;
  child.on("message", (message) => {
    const received = message as FromHost;
    const answers = received.kind === "scores" || received.kind === "failed";
    events.message(answers ? { ...received, images: lent.shift() } : received);
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
      if (message === null) {
        post(null);
        return;
      }
      lent.push(message.images);
      // What is not filled need not travel.
      post({ ...message, images: message.images.subarray(0, message.count * IMAGE_BYTES) });
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
    abandon(why) {
      cause = why;
      child.kill("SIGKILL");
    },
  };
}
