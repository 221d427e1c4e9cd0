// One contender: classifies the same images over and over, and prints how fast, what the event loop felt, and its memory.
import { availableParallelism } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep, setImmediate as tick } from "node:timers/promises";

const IMAGE_BYTES = 784;
const IMAGES = 4096;
const CHECKED = 256;
const task = JSON.parse(process.argv[2]);
// Every byte value at every place of some image: neither blank nor like one another.
const images = new Uint8Array(IMAGES * IMAGE_BYTES).map((_, i) => Math.imul(i, 2654435761) >>> 24);

/** onnxruntime-node on the calling thread; `threads` undefined: as it comes. */
async function openPlain(model, threads) {
  const { InferenceSession, Tensor } = await import("onnxruntime-node");
  const session = await InferenceSession.create(model, {
    logSeverityLevel: 3,
    ...(threads && { intraOpNumThreads: threads, interOpNumThreads: 1 }),
  });
  return async (start, count) => {
    const part = images.subarray(start * IMAGE_BYTES, (start + count) * IMAGE_BYTES);
    const { probabilities } = await session.run({ images: new Tensor("uint8", part, [count, 28, 28]) });
    return probabilities.data;
  };
}

async function plain({ model, batch, threads }) {
  const run = await openPlain(model, threads);
  let at = 0;
  return {
    probabilities: async () => {
      const all = [];
      for (let row = 0; row < CHECKED; row += batch)
        all.push(...(await run(row, Math.min(batch, CHECKED - row))));
      return all;
    },
    async work(until) {
      let done = 0;
      while (performance.now() < until) {
        await run(at, batch);
        at = at + 2 * batch > IMAGES ? 0 : at + batch;
        done += batch;
      }
      return done;
    },
    setting: {},
  };
}

async function ours({ model }) {
  const { Classifier } = await import("../../dist/src/index.js");
  const classifier = await Classifier.load(model);
  const { workers, batch } = classifier;
  return {
    probabilities: async () => [...(await classifier.predict(images, { count: CHECKED })).probabilities],
    async work(until) {
      let done = 0;
      const lane = async (offset) => {
        for (let at = offset; performance.now() < until; at = (at + batch) % (IMAGES - batch)) {
          await classifier.predict(images.subarray(at * IMAGE_BYTES), { count: batch });
          done += batch;
        }
      };
      await Promise.all(Array.from({ length: 2 * workers + 1 }, (_, i) => lane(i * batch)));
      return done;
    },
    setting: { workers, batch },
    close: () => classifier.close(),
  };
}

async function measure() {
  const { probabilities, work, setting, close } = await (task.kind === "ours" ? ours(task) : plain(task));
  const checked = await probabilities();
  if (task.seconds === 0) return { probabilities: checked };
  await work(performance.now() + 300);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const started = performance.now();
  const done = await work(started + task.seconds * 1000);
  const ms = performance.now() - started;
  delay.disable();
  await close?.();
  return {
    perSecond: (done * 1000) / ms,
    // What the timer itself waits for is no delay.
    delayP50: Math.max(0, delay.percentile(50) / 1e6 - 1),
    delayP99: Math.max(0, delay.percentile(99) / 1e6 - 1),
    delayMax: Math.max(0, delay.max / 1e6 - 1),
    rss: process.resourceUsage().maxRSS * 1024,
    setting,
  };
}

/** Every batch with every number of threads, twice, turn by turn: the better of the two. */
async function sweep() {
  const settings = [];
  const most = availableParallelism();
  const threadCounts = [...new Set([1, 2, Math.ceil(most / 2), most])].filter((n) => n <= most);
  for (const threads of threadCounts) {
    const run = await openPlain(task.model, threads);
    for (const batch of [1, 4, 16, 32, 64, 128, 256, 512, 1024])
      settings.push({ threads, batch, run, perSecond: 0 });
  }
  for (let round = 0; round < 2; round++) {
    for (const setting of settings) {
      await setting.run(0, setting.batch);
      const started = performance.now();
      let done = 0;
      while (performance.now() - started < task.seconds * 1000) {
        await setting.run(0, setting.batch);
        done += setting.batch;
      }
      setting.perSecond = Math.max(setting.perSecond, (done * 1000) / (performance.now() - started));
    }
  }
  return { settings: settings.map(({ run: _, ...setting }) => setting) };
}

/** Memory after a tenth of the loads, and at the end. */
async function loads() {
  const { Classifier } = await import("../../dist/src/index.js");
  const rss = async () => {
    for (let i = 0; i < 5; i++) {
      globalThis.gc();
      await tick();
      await sleep(20);
    }
    return process.memoryUsage().rss;
  };
  const points = [];
  for (let turn = 1; turn <= task.loads; turn++) {
    const classifier = await Classifier.load(task.model, { workers: 1, batch: 64 });
    await classifier.predict(images, { count: 64 });
    await classifier.close();
    if (turn % Math.ceil(task.loads / 10) === 0) points.push({ turn, rss: await rss() });
  }
  return { points };
}

const result = await (task.kind === "sweep" ? sweep() : task.kind === "loads" ? loads() : measure());
process.stdout.write(JSON.stringify(result), () => process.exit(0));
