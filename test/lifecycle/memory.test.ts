import { expect, test } from "vitest";
import { manySessions } from "../support/pcap-builder.ts";
import { runForJson } from "../support/run-script.ts";
import { tempFile } from "../support/temp-folder.ts";

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

// A handle holds well over 100 KiB: 1000 that are lost are 100 MiB.
const FLAT_RSS = 24 * 2 ** 20;

test.each([
  ["opened, read to the end", "for await (const _ of sessions(data.capture, { batchSize: 50 }));"],
  [
    "opened and left in the middle",
    "for await (const _ of sessions(data.capture, { batchSize: 10 })) break;",
  ],
  [
    "opened and closed without a step",
    `await addon.close(addon.open([data.capture], { view: 1, mask: 1, idleTimeoutNs: 0n, activeTimeoutNs: 0n,
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
