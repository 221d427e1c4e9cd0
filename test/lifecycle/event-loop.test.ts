import { expect, test } from "vitest";
import { manySessions } from "../support/pcap-builder.ts";
import { runForJson } from "../support/run-script.ts";
import { tempFile } from "../support/temp-folder.ts";
import { firstBytesWeights, tinyModel } from "../support/tiny-onnx.ts";

interface Delay {
  wallMs: number;
  longestMs: number;
  items: number;
}

const MEASURE = (prepare: string, work: string) => `
  import { monitorEventLoopDelay } from "node:perf_hooks";
  import { inspect, Classifier, sessions } from "flowglyph";
  const captures = new Array(data.times).fill(data.capture);
  ${prepare}
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  let items = 0;
  const started = performance.now();
  ${work}
  delay.disable();
  console.log(JSON.stringify({ wallMs: performance.now() - started, longestMs: delay.max / 1e6, items }));
  process.exit(0);`;

// The bound is generous, for machines that are busy with other things (undisturbed, the longest delay is 10 to 25 ms);
// on the calling thread the work would be one piece.
test.each([
  ["inspecting", "", "items = (await inspect(captures)).packets;", 400, 10_000 * 400],
  [
    "encoding",
    "",
    "for await (const batch of sessions(captures, { batchSize: 10_000 })) items += batch.count;",
    400,
    1000 * 400,
  ],
  [
    "classifying",
    "const classifier = await Classifier.load(data.model, { workers: 1 });",
    "items = (await classifier.predict(new Uint8Array(784 * 200_000))).classIndex.length;",
    0,
    200_000,
  ],
])("the event loop stays free while %s", async (_, prepare, work, times, items) => {
  const outcome = await runForJson<Delay>(MEASURE(prepare, work), {
    capture: tempFile("c.pcap", manySessions(1000, { packets: 10, payloadBytes: 100 })),
    model: tempFile("m.onnx", tinyModel({ classes: ["a", "b"], weights: firstBytesWeights(2) })),
    times,
  });
  expect(outcome.items).toBe(items);
  expect(outcome.longestMs).toBeLessThan(outcome.wallMs / 3);
});
