import { beforeAll, expect, test } from "vitest";
import { manySessions } from "../support/pcap-builder.ts";
import { runForJson } from "../support/run-script.ts";
import { tempFile, tempFolder } from "../support/temp-folder.ts";
import { slowModel } from "../support/tiny-onnx.ts";

let bytes: Uint8Array;
let model: Uint8Array;

beforeAll(() => {
  bytes = manySessions(2000, { packets: 3, payloadBytes: 200 });
  model = slowModel();
});

const files = () => ({ capture: tempFile("c.pcap", bytes), model: tempFile("m.onnx", model) });

test("two worker threads encode and classify at once, and so does the main thread beside them", async () => {
  const { capture, model: path } = files();
  const results = await runForJson<{ sessions: number; checksum: number }[]>(
    `
    import { once } from "node:events";
    import { Worker } from "node:worker_threads";
    import { Classifier } from "flowglyph";
    const results = [];
    const workers = [0, 1].map(() => {
      const worker = new Worker("./test/lifecycle/classify-worker.mjs", { workerData: data, execArgv: [] });
      worker.on("message", (message) => { if (!message.started) results.push(message); });
      return once(worker, "exit");
    });
    const classifier = await Classifier.load(data.model, { workers: 1 });
    let sessions = 0, checksum = 0;
    for await (const batch of classifier.classify(data.captures, { batchSize: 32 })) {
      sessions += batch.count;
      for (let i = 0; i < batch.count; i++) checksum += batch.classIndex[i] + batch.probability[i];
    }
    await classifier.close();
    await Promise.all(workers);
    console.log(JSON.stringify([{ sessions, checksum }, ...results]));`,
    { captures: [capture, capture], model: path, forever: false },
  );
  expect(results).toHaveLength(3);
  expect(results[0]!.sessions).toBe(4000);
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});

test("a worker thread that waits for a silent pipe, or for one that nobody opens, is terminated at once", async () => {
  const outcome = await runForJson<{ tookMs: number; live: number }[]>(
    `
    import { execFileSync } from "node:child_process";
    import { once } from "node:events";
    import { openSync } from "node:fs";
    import { join } from "node:path";
    import { setTimeout as sleep } from "node:timers/promises";
    import { Worker } from "node:worker_threads";
    import { captureAddon } from "./dist/bindings/capture/addon.js";
    const outcome = [];
    for (const name of ["silent", "unopened"]) {
      const pipe = join(data.folder, name);
      execFileSync("mkfifo", [pipe]);
      if (name === "silent") openSync(pipe, "r+");
      const worker = new Worker("./test/lifecycle/waiting-worker.mjs", { workerData: { pipe }, execArgv: [] });
      await once(worker, "message");
      await sleep(300);
      const started = performance.now();
      await worker.terminate();
      outcome.push({ tookMs: performance.now() - started, live: captureAddon().liveHandles() });
    }
    console.log(JSON.stringify(outcome));`,
    { folder: tempFolder() },
  );
  expect(outcome).toHaveLength(2);
  for (const { tookMs, live } of outcome) {
    expect(tookMs).toBeLessThan(5000);
    expect(live).toBe(0);
  }
});

// Terminated at moments that differ from round to round: while reading, between steps, while classifying, at the end.
const TERMINATE = `
  import { once } from "node:events";
  import { setTimeout as sleep } from "node:timers/promises";
  import { Worker } from "node:worker_threads";
  import { captureAddon } from "./dist/bindings/capture/addon.js";
  import { inspect } from "flowglyph";
  let terminated = 0;
  for (let round = 0; round < data.rounds; round++) {
    const workers = [0, 1].map(() => new Worker(data.script, { workerData: data, execArgv: [] }));
    await Promise.all(workers.map((worker) => once(worker, "message")));
    await sleep((round * 7) % 23);
    for (const worker of workers) { await worker.terminate(); terminated++; }
  }
  const { sessions } = await inspect(data.captures);
  console.log(JSON.stringify({ terminated, live: captureAddon().liveHandles(), sessions }));`;

test.each([
  ["encoding", "./test/lifecycle/encode-worker.mjs", 8, 1],
  ["encoding with threads of their own", "./test/lifecycle/encode-worker.mjs", 8, 3],
  ["classifying", "./test/lifecycle/classify-worker.mjs", 5, 1],
])(
  "worker threads that are terminated while %s leave the process healthy and no memory behind",
  async (_, script, rounds, threads) => {
    const { capture, model: path } = files();
    const outcome = await runForJson(TERMINATE, {
      script,
      rounds,
      threads,
      captures: [capture, capture],
      model: path,
      forever: true,
    });
    expect(outcome).toEqual({ terminated: 2 * rounds, live: 0, sessions: { tcp: 4000, udp: 0 } });
  },
);
