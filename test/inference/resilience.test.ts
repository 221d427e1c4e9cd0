// What a service needs of a classifier: hosts that are killed, models that are swapped, calls that are given up, closing.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { Classifier, type VerdictBatch } from "../../src/inference/index.ts";
import { manySessions } from "../support/pcap-builder.ts";
import { runForJson } from "../support/run-script.ts";
import { tempFile, tempFolder } from "../support/temp-folder.ts";
import { firstBytesWeights, slowModel, tinyModel } from "../support/tiny-onnx.ts";

const CLASSES = ["a", "b", "c"];
const model = (metadata = {}, classes = CLASSES) =>
  tinyModel({ classes, weights: firstBytesWeights(classes.length, 0.02), metadata });
const FIXED = { workers: 1, batch: 32 } as const;

/** Hosts that this process started. By their command: Node 24 calls a process by its thread, "MainThread". */
const children = () =>
  execFileSync("ps", ["-ww", "-o", "pid=,args=", "--ppid", String(process.pid)], { encoding: "utf8" })
    .split("\n")
    .filter((line) => /host-main/.test(line))
    .map((line) => Number.parseInt(line, 10));

const someImages = (count: number, seed: number) =>
  new Uint8Array(count * 784).map((_, i) => Math.imul(i + seed, 2654435761) >>> 24);

async function collect<T>(batches: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

test("hosts that are killed in mid-batch are replaced: nothing is lost, and the order stays", async () => {
  const capture = tempFile("c.pcap", manySessions(3000));
  const slow = slowModel();
  await using plain = await Classifier.load(slow, FIXED);
  const expected = await collect(plain.classify(capture, { batchSize: 50, ordered: true }));

  await using classifier = await Classifier.load(slow, { workers: 2, batch: 50, isolation: "process" });
  const killed: number[] = [];
  const received: VerdictBatch[] = [];
  for await (const batch of classifier.classify(capture, { batchSize: 50, ordered: true })) {
    received.push(batch);
    if (received.length % 15 === 5) {
      const [victim] = children().filter((pid) => !killed.includes(pid));
      process.kill(victim!, "SIGKILL");
      killed.push(victim!);
    }
  }
  expect(killed).toHaveLength(4);
  expect(received.map(({ startNs }) => startNs)).toEqual(expected.map(({ startNs }) => startNs));
  expect(received.map(({ classIndex }) => classIndex)).toEqual(expected.map(({ classIndex }) => classIndex));
});

test("a host that hangs in mid-batch is killed and replaced: nothing is lost", async () => {
  const capture = tempFile("c.pcap", manySessions(1000));
  const slow = slowModel();
  await using plain = await Classifier.load(slow, FIXED);
  const expected = await collect(plain.classify(capture, { batchSize: 50, ordered: true }));

  await using classifier = await Classifier.load(slow, {
    ...{ workers: 1, batch: 50, isolation: "process", runSeconds: 10 },
  });
  const [hanging] = children();
  const received: VerdictBatch[] = [];
  for await (const batch of classifier.classify(capture, { batchSize: 50, ordered: true })) {
    received.push(batch);
    if (received.length === 3) process.kill(hanging!, "SIGSTOP");
  }
  expect(children()).not.toContain(hanging);
  expect(received.map(({ startNs }) => startNs)).toEqual(expected.map(({ startNs }) => startNs));
  expect(received.map(({ classIndex }) => classIndex)).toEqual(expected.map(({ classIndex }) => classIndex));
});

test("a model is swapped under load without dropping a batch, and each verdict names its own model's classes", async () => {
  await using classifier = await Classifier.load(model(), FIXED);
  const capture = tempFile("c.pcap", manySessions(4000));
  let swapped = false;
  const reading = (async () => {
    const seen: string[][] = [];
    for await (const batch of classifier.classify(capture, { batchSize: 10, ordered: true })) {
      seen.push(...[...batch.classIndex].map((index) => [...batch.classes, batch.classes[index]!]));
      if (!swapped) await sleep(1);
    }
    return seen;
  })();
  let predicted = 0;
  const predicting = (async () => {
    while (!swapped) {
      const { classes, classIndex } = await classifier.predict(someImages(7, predicted));
      expect(classIndex.length).toBe(7);
      expect([3, 4]).toContain(classes.length);
      predicted++;
    }
  })();
  await sleep(50);
  await classifier.swap(model({}, ["w", "x", "y", "z"]));
  swapped = true;
  await predicting;
  const seen = await reading;
  expect(seen).toHaveLength(4000);
  expect(predicted).toBeGreaterThan(0);
  expect(classifier.metadata.classes).toEqual(["w", "x", "y", "z"]);
  // First the one, then the other, and both did something.
  const switches = seen.filter(({ length }, i) => i > 0 && length !== seen[i - 1]!.length);
  expect(switches).toHaveLength(1);
  expect(seen.at(-1)).toHaveLength(5);
});

test("captures that were begun keep their model where the new one wants other images; one that cannot be loaded changes nothing", async () => {
  await using classifier = await Classifier.load(model(), FIXED);
  const capture = tempFile("c.pcap", manySessions(500));
  const iterator = classifier.classify(capture, { batchSize: 50, ordered: true });
  const classes = [(await iterator.next()).value!.classes];
  await expect(classifier.swap("/nonexistent.onnx")).rejects.toMatchObject({ code: "ERR_IO" });
  await expect(classifier.swap(new Uint8Array(10))).rejects.toMatchObject({ code: "ERR_MODEL_FORMAT" });
  expect(classifier.metadata.view).toBe("l3");
  await classifier.swap(model({ view: "l7" }, ["p", "q"]));
  for await (const batch of iterator) classes.push(batch.classes);
  expect(classes).toEqual(Array(10).fill(CLASSES));
  const [batch] = await collect(classifier.classify(capture));
  expect(batch!.classes).toEqual(["p", "q"]);
});

test("several models at once answer each for itself", async () => {
  const names = [
    ["a", "b"],
    ["c", "d", "e"],
    ["f", "g", "h", "i"],
  ];
  const loaded = await Promise.all(names.map((classes) => Classifier.load(model({}, classes), FIXED)));
  const images = someImages(100, 1);
  const answers = await Promise.all(loaded.map((classifier) => classifier.predict(images)));
  expect(answers.map(({ classes }) => classes)).toEqual(names);
  expect(answers.map(({ probabilities }) => probabilities.length)).toEqual([200, 300, 400]);
  await Promise.all(loaded.map((classifier) => classifier.close()));
});

test("an abort gives a prediction up at once and leaves the classifier usable", async () => {
  await using classifier = await Classifier.load(slowModel(), FIXED);
  const controller = new AbortController();
  const answer = classifier.predict(new Uint8Array(784 * 20_000), { signal: controller.signal });
  setTimeout(() => controller.abort(new Error("enough")), 20);
  await expect(answer).rejects.toMatchObject({ code: "ERR_ABORTED", cause: { message: "enough" } });
  expect((await classifier.predict(new Uint8Array(784))).classIndex.length).toBe(1);
  await expect(
    classifier.predict(new Uint8Array(784), { signal: AbortSignal.abort() }),
  ).rejects.toMatchObject({
    code: "ERR_ABORTED",
  });
});

test("closing while captures are read and a model is swapped ends all of it, without a hang", async () => {
  const classifier = await Classifier.load(model(), FIXED);
  const capture = tempFile("c.pcap", manySessions(3000));
  const reading = collect(classifier.classify(capture, { batchSize: 5 })).then(
    () => "all",
    (error: Error) => error.message,
  );
  const swapping = classifier.swap(model({}, ["x"])).then(
    () => "swapped",
    (error: Error) => error.message,
  );
  await sleep(10);
  await classifier.close();
  expect(await reading).toMatch(/closed/);
  expect(await swapping).toBe("The classifier is closed");
  await expect(classifier.swap(model())).rejects.toThrow("closed");
});

test("models that are loaded and closed again and again leave memory flat", async () => {
  const growth = await runForJson<{ early: number; late: number }>(
    `import { setTimeout as sleep } from "node:timers/promises";
     import { Classifier } from "flowglyph";
     const images = new Uint8Array(784 * 8);
     const rss = async () => { for (let i = 0; i < 4; i++) { globalThis.gc(); await sleep(20); } return process.memoryUsage().rss; };
     async function turn() {
       const classifier = await Classifier.load(data.model, { workers: 1, batch: 8 });
       await classifier.predict(images);
       await classifier.close();
     }
     for (let i = 0; i < 15; i++) await turn();
     const before = await rss();
     for (let i = 0; i < 20; i++) await turn();
     const between = await rss();
     for (let i = 0; i < 20; i++) await turn();
     console.log(JSON.stringify({ early: between - before, late: (await rss()) - between }));`,
    { model: tempFile("m.onnx", model()) },
  );
  // A host that is not freed holds some 15 MB: twenty would be 300.
  expect(Math.min(growth.early, growth.late)).toBeLessThan(60 * 2 ** 20);
});

test("a calibration is remembered for the model, and done anew where what was remembered is damaged or cannot be written", async () => {
  const before = process.env.XDG_CACHE_HOME;
  const folder = tempFolder();
  process.env.XDG_CACHE_HOME = folder;
  onTestFinished(() => {
    process.env.XDG_CACHE_HOME = before;
  });
  const bytes = model();
  const tuning = async () => {
    await using classifier = await Classifier.load(bytes);
    return { workers: classifier.workers, batch: classifier.batch };
  };
  const found = await tuning();
  expect(found.workers).toBeGreaterThan(0);
  expect([16, 32, 64, 128, 256]).toContain(found.batch);
  const files = () => execFileSync("find", [folder, "-type", "f"], { encoding: "utf8" }).trim().split("\n");
  const [file] = files();
  expect(files()).toHaveLength(1);
  expect(JSON.parse(readFileSync(file!, "utf8"))).toEqual({ formatVersion: 2, ...found });

  // What is remembered is used ...
  execFileSync("sh", ["-c", `echo '{"formatVersion":2,"workers":1,"batch":48}' > '${file}'`]);
  expect(await tuning()).toEqual({ workers: 1, batch: 48 });
  // ... unless it makes no sense.
  execFileSync("sh", ["-c", `echo '{"formatVersion":2,"workers":0' > '${file}'`]);
  expect([16, 32, 64, 128, 256]).toContain((await tuning()).batch);
  expect(JSON.parse(readFileSync(file!, "utf8"))).toMatchObject({ formatVersion: 2 });

  const closed = join(tempFolder(), "closed");
  execFileSync("sh", ["-c", `echo file > '${closed}'`]);
  await chmod(closed, 0o400);
  process.env.XDG_CACHE_HOME = closed;
  expect((await tuning()).workers).toBeGreaterThan(0);
  // Options that say both need none.
  process.env.XDG_CACHE_HOME = join(folder, "unused");
  await using given = await Classifier.load(bytes, FIXED);
  expect([given.workers, given.batch]).toEqual([1, 32]);
  expect(existsSync(join(folder, "unused"))).toBe(false);
});

test("what the options may not be is said, and a CUDA provider that is not there as well", async () => {
  for (const [options, message] of [
    [{ workers: 0 }, "Expected workers to be an integer from 1 to 256 but received 0"],
    [{ batch: 0 }, "Expected batch to be an integer from 1 to 65536 but received 0"],
    [{ device: "tpu" }, 'Expected device to be "cpu" or "cuda" but received "tpu"'],
    [{ isolation: "none" }, 'Expected isolation to be "thread" or "process" but received "none"'],
    [{ runSeconds: 0 }, "Expected runSeconds to be a number above 0, at most a million but received 0"],
  ] as const) {
    await expect(Classifier.load(model(), options as never)).rejects.toThrow(message);
  }
});

const CUDA_LIBRARY = execFileSync(
  "find",
  [`${import.meta.dirname}/../../node_modules/onnxruntime-node/bin/`, "-name", "*providers_cuda*"],
  { encoding: "utf8" },
);

test.skipIf(CUDA_LIBRARY !== "")("device cuda without the provider says what is missing", async () => {
  await expect(Classifier.load(model(), { device: "cuda" })).rejects.toMatchObject({
    code: "ERR_DEVICE",
    message: expect.stringContaining("Expected the CUDA provider of onnxruntime-node"),
  });
});

test("a model whose mask or view this version does not know is refused with both named", async () => {
  for (const [field, value] of [
    ["view", "l9"],
    ["mask", "everything"],
  ] as const) {
    const path = tempFile("m.onnx", model({ [field]: value }));
    await expect(Classifier.load(path, FIXED)).rejects.toMatchObject({
      code: "ERR_MODEL_FORMAT",
      message: expect.stringMatching(
        new RegExp(`Expected ${field} in the metadata of .*m.onnx to be one of .* "${value}"`),
      ),
    });
  }
});
