import { beforeAll, expect, test } from "vitest";
import { manySessions } from "../support/pcap-builder.ts";
import { runScript } from "../support/run-script.ts";
import { tempFile } from "../support/temp-folder.ts";
import { slowModel } from "../support/tiny-onnx.ts";

let bytes: Uint8Array;
const MODEL = slowModel();

beforeAll(() => {
  bytes = manySessions(3000, { packets: 3, payloadBytes: 400 });
});

const READ = `
  import { Classifier, sessions } from "flowglyph";
  const captures = new Array(200).fill(data.capture);
  const read = async () => { for await (const _ of sessions(captures, { batchSize: 100 })); console.log("read"); };`;

const CLASSIFY = `${READ}
  const classifier = await Classifier.load(data.model, { workers: 2 });
  const classify = async () => {
    for await (const _ of classifier.classify(captures, { batchSize: 100 }));
    console.log("classified");
  };`;

// Each ends while the work is under way, which would take seconds more.
test.each([
  ["process.exit while reading", `${READ} setTimeout(() => process.exit(7), 30); await read();`, 7],
  [
    "process.exit while classifying",
    `${CLASSIFY} setTimeout(() => process.exit(7), 30); await classify();`,
    7,
  ],
  [
    "an uncaught error while reading and classifying",
    `${CLASSIFY} void read(); void classify(); setTimeout(() => { throw new Error("unrelated"); }, 30);`,
    1,
  ],
  [
    "process.exit while a step waits for input that never comes",
    `import { execFileSync } from "node:child_process";
     import { sessions } from "flowglyph";
     const pipe = data.capture + ".fifo";
     execFileSync("mkfifo", [pipe]);
     const { openSync } = await import("node:fs");
     openSync(pipe, "r+");
     setTimeout(() => process.exit(7), 100);
     for await (const _ of sessions(pipe));`,
    7,
  ],
  [
    "process.exit while a step waits for a named pipe that nobody opens",
    `import { execFileSync } from "node:child_process";
     import { sessions } from "flowglyph";
     const pipe = data.capture + ".fifo";
     execFileSync("mkfifo", [pipe]);
     setTimeout(() => process.exit(7), 100);
     for await (const _ of sessions(pipe));`,
    7,
  ],
])("%s ends the process with its own exit code", async (_, script, code) => {
  const data = { capture: tempFile("c.pcap", bytes), model: tempFile("m.onnx", MODEL) };
  const started = performance.now();
  const outcome = await runScript(script, data, 20_000);
  expect(outcome).toMatchObject({ code, signal: null, stdout: "" });
  expect(performance.now() - started).toBeLessThan(10_000);
});

test("an open classifier that is idle does not keep the process alive", async () => {
  const script = `
    import { Classifier } from "flowglyph";
    const classifier = await Classifier.load(data.model, { workers: 2 });
    await classifier.predict(new Uint8Array(784));
    console.log("end");`;
  const outcome = await runScript(script, { model: tempFile("m.onnx", MODEL) }, 20_000);
  expect(outcome).toMatchObject({ code: 0, signal: null, stdout: "end\n" });
});

test("an iterator that was left without a word does not keep the process alive", async () => {
  const script = `
    import { sessions } from "flowglyph";
    await sessions(data.capture, { batchSize: 10 }).next();
    console.log("end");`;
  const outcome = await runScript(script, { capture: tempFile("c.pcap", bytes) }, 20_000);
  expect(outcome).toMatchObject({ code: 0, signal: null, stdout: "end\n" });
});
