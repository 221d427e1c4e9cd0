// A worker thread that encodes captures on and on until it is terminated.
import { parentPort, workerData } from "node:worker_threads";
import { sessions } from "flowglyph";

for (;;) {
  let first = true;
  for await (const _ of sessions(workerData.captures, {
    batchSize: 64,
    threads: workerData.threads ?? 1,
    sequence: 16,
  })) {
    if (first) parentPort.postMessage({ started: true });
    first = false;
  }
}
