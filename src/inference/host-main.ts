// The main file of a host, a worker thread or a process: one ONNX Runtime session, one batch after the other.
import { parentPort } from "node:worker_threads";
import type { InferenceSession } from "onnxruntime-node";
import { passGate } from "./gate.ts";
import type { FromHost, RunRequest, Scores, Setup, ToHost } from "./messages.ts";

const INPUT = "images";
const OUTPUT = "probabilities";
const IMAGE_BYTES = 784;

/** The way back to the pool. */
interface Channel {
  send(message: FromHost, transfer: ArrayBuffer[]): void;
  listen(listener: (message: Setup | ToHost) => void): void;
  close(): void;
}

/** What is loaded and what it is for. */
interface Loaded {
  readonly runtime: typeof import("onnxruntime-node");
  readonly session: InferenceSession;
  readonly setup: Setup;
}

async function load(setup: Setup): Promise<Loaded> {
  const runtime = await import("onnxruntime-node");
  const session = await runtime.InferenceSession.create(setup.model, {
    executionProviders: [setup.device],
    intraOpNumThreads: setup.intraOpThreads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
  });
  for (const [what, names, wanted] of [
    ["input", session.inputNames, INPUT],
    ["output", session.outputNames, OUTPUT],
  ] as const) {
    if (!names.includes(wanted)) {
      throw new Error(`expected an ${what} named ${wanted} but it has ${names.join(", ") || "none"}`);
    }
  }
  const loaded = { runtime, session, setup };
  // One blank image: shows that the graph takes uint8 [N, 28, 28] and gives K numbers, before anyone waits for a verdict.
  await run(loaded, new Uint8Array(IMAGE_BYTES), 1);
  return loaded;
}

async function run({ runtime, session, setup }: Loaded, images: Uint8Array, count: number): Promise<Scores> {
  const { classes } = setup;
  const input = new runtime.Tensor("uint8", images, [count, 28, 28]);
  const { [OUTPUT]: output } = await session.run({ [INPUT]: input });
  if (output?.type !== "float32" || output.dims.join() !== `${count},${classes}`) {
    throw new Error(
      `expected ${OUTPUT} to be float32 [${count}, ${classes}] (the metadata names ${classes} classes) but it is ${output?.type} [${output?.dims.join(", ")}]`,
    );
  }
  // A copy into memory that can be transferred: K numbers an image.
  const probabilities = new Float32Array(output.data as Float32Array);
  output.dispose();
  return { probabilities, ...mostProbable(probabilities, count, classes) };
}

function mostProbable(
  probabilities: Float32Array,
  count: number,
  classes: number,
): Pick<Scores, "classIndex" | "probability"> {
  const classIndex = new Uint32Array(count);
  const probability = new Float32Array(count);
  for (let row = 0; row < count; row++) {
    const at = row * classes;
    let best = 0;
    for (let k = 1; k < classes; k++) if (probabilities[at + k]! > probabilities[at + best]!) best = k;
    classIndex[row] = best;
    probability[row] = probabilities[at + best]!;
  }
  return { classIndex, probability };
}

async function answer(channel: Channel, loaded: Loaded, { images, count }: RunRequest): Promise<void> {
  const lent = parentPort ? images : undefined;
  const back = lent === undefined ? [] : [lent.buffer];
  let scores: Scores;
  try {
    const filled = images.subarray(0, count * IMAGE_BYTES);
    scores = await passGate(loaded.setup.gate, () => run(loaded, filled, count));
  } catch (error) {
    channel.send({ kind: "failed", images: lent, message: (error as Error).message }, back);
    return;
  }
  const { probabilities, classIndex, probability } = scores;
  channel.send({ kind: "scores", images: lent, scores }, [
    ...back,
    probabilities.buffer,
    classIndex.buffer,
    probability.buffer,
  ]);
}

/** Resolves to undefined, and the channel is closed, where the model cannot be used. */
async function start(channel: Channel, setup: Setup): Promise<Loaded | undefined> {
  try {
    const loaded = await passGate(setup.gate, () => load(setup));
    channel.send({ kind: "ready" }, []);
    return loaded;
  } catch (error) {
    channel.send({ kind: "unusable", message: (error as Error).message }, []);
    channel.close();
    return undefined;
  }
}

async function end(channel: Channel, { session, setup }: Loaded): Promise<void> {
  await passGate(setup.gate, () => session.release());
  channel.close();
}

function openChannel(): Channel {
  if (parentPort) {
    const port = parentPort;
    return {
      send: (message, transfer) => port.postMessage(message, transfer),
      listen: (listener) => port.on("message", listener),
      close: () => port.close(),
    };
  }
  // The one that asks is gone, whatever became of it: nobody waits for an answer.
  process.on("disconnect", () => process.exit(0));
  return {
    // Where it cannot be sent, nobody is there to read it.
    send: (message) => process.send?.(message, undefined, undefined, () => undefined),
    listen: (listener) => process.on("message", (message) => listener(message as Setup | ToHost)),
    close: () => process.disconnect(),
  };
}

const channel = openChannel();
// One message after the other: the request to end must not free the session under a run.
let last: Promise<Loaded | undefined> | undefined;
channel.listen((message) => {
  if (last === undefined) {
    last = start(channel, message as Setup);
    return;
  }
  last = last.then(async (loaded) => {
    if (loaded === undefined) return undefined;
    const request = message as ToHost;
    await (request === null ? end(channel, loaded) : answer(channel, loaded, request));
    return loaded;
  });
});
