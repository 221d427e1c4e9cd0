import { expect, test } from "vitest";
import { manySessions } from "../support/pcap-builder.ts";
import { runForJson } from "../support/run-script.ts";
import { tempFile } from "../support/temp-folder.ts";
import { firstBytesWeights, tinyModel } from "../support/tiny-onnx.ts";

interface Growth {
  rss: number;
  external: number;
  live: number;
}

/** Runs `turn` 200 times to warm up, then 1000 times; what the process holds more after those, in bytes. */
const MEASURE = (turn: string) => `
  import { setImmediate as tick } from "node:timers/promises";
  import { captureAddon } from "./dist/bindings/capture/addon.js";
  import { sessions } from "flowglyph";
  const addon = captureAddon();
  async function settle() {
    for (let i = 0; i < 5; i++) { globalThis.gc(); await tick(); }
    const { rss, external, arrayBuffers } = process.memoryUsage();
    return { rss, external: external + arrayBuffers };
  }
  async function turn() { ${turn} }
  for (let i = 0; i < 200; i++) await turn();
  const before = await settle();
  for (let i = 0; i < 1000; i++) await turn();
  const after = await settle();
  console.log(JSON.stringify({
    rss: after.rss - before.rss, external: after.external - before.external, live: addon.liveHandles(),
  }));`;

// A handle that has read something holds 2 MiB: 1000 that are lost are 2 GiB. Below, what malloc keeps of the fifty or so
// that may live between two garbage collections.
const FLAT_RSS = 96 * 2 ** 20;

test.each([
  ["opened, read to the end", "for await (const _ of sessions(data.capture, { batchSize: 50 }));"],
  [
    "opened and left in the middle",
    "for await (const _ of sessions(data.capture, { batchSize: 10 })) break;",
  ],
  [
    "opened and closed without a step",
    `await addon.close(addon.open([data.capture], { view: 1, mask: 1, order: 0, idleTimeoutNs: 0n,
       activeTimeoutNs: 0n, closeTimeoutNs: 0n, threads: 1, decap: 0, protocols: [6], sequence: 0, merge: false,
       follow: false, inputMethod: 0,
       memoryBytes: 2 ** 26, batchSize: 1000, countOnly: false }));`,
  ],
  [
    "opened, read a little and forgotten",
    `const iterator = sessions(data.capture, { batchSize: 10 });
     await iterator.next();
     if (Math.random() < 0.02) { globalThis.gc(); await tick(); }`,
  ],
  [
    "aborted",
    `const controller = new AbortController();
     try {
       for await (const _ of sessions(data.capture, { batchSize: 10, signal: controller.signal })) controller.abort();
     } catch (error) { if (error.code !== "ERR_ABORTED") throw error; }`,
  ],
])("a capture that is %s 1,000 times leaves memory flat", async (_, turn) => {
  const capture = tempFile("c.pcap", manySessions(100));
  const growth = await runForJson<Growth>(MEASURE(turn), { capture });
  expect(growth.live).toBe(0);
  expect(growth.rss).toBeLessThan(FLAT_RSS);
  expect(growth.external).toBeLessThan(2 ** 20);
});

test("a long capture is classified in bounded memory", async () => {
  const capture = tempFile("c.pcap", manySessions(1000, { packets: 2 }));
  const model = tempFile("m.onnx", tinyModel({ classes: ["a", "b"], weights: firstBytesWeights(2) }));
  const { sessions, growth } = await runForJson<{ sessions: number; growth: number }>(
    `
    import { Classifier } from "flowglyph";
    const classifier = await Classifier.load(data.model, { workers: 2 });
    let sessions = 0, before = 0, most = 0;
    for await (const batch of classifier.classify(new Array(600).fill(data.capture))) {
      sessions += batch.count;
      const { rss } = process.memoryUsage();
      if (sessions <= 100_000) before = Math.max(before, rss);
      most = Math.max(most, rss);
    }
    await classifier.close();
    console.log(JSON.stringify({ sessions, growth: most - before, before }));`,
    { capture, model },
  );
  expect(sessions).toBe(600_000);
  // Their images alone are 449 MiB; the first sixth of them shows what the stages hold at most.
  expect(growth).toBeLessThan(100 * 2 ** 20);
});
