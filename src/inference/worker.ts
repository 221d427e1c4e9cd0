// One worker thread of a classifier: its own ONNX Runtime session, one batch after the other.
// ONNX Runtime's run() computes on the thread that calls it, so it must not be the service's main thread.
import { parentPort, workerData } from "node:worker_threads";
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { ClassifyRequest, FromWorker, Scores, ToWorker, WorkerSetup } from "./messages.ts";

const INPUT = "images";
const OUTPUT = "probabilities";

const port = parentPort!;
const setup = workerData as WorkerSetup;

function send(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

async function open(): Promise<InferenceSession> {
  const session = await InferenceSession.create(setup.model, {
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
  // One blank image: shows that the graph takes uint8 [N, 28, 28] and gives K numbers, before anyone waits for a verdict.
  await run(session, new Uint8Array(784), 1);
  return session;
}

async function run(session: InferenceSession, images: Uint8Array, count: number): Promise<Scores> {
  const { [OUTPUT]: output } = await session.run({ [INPUT]: new Tensor("uint8", images, [count, 28, 28]) });
  if (output?.type !== "float32" || output.dims.join() !== `${count},${setup.classes}`) {
    throw new Error(
      `expected ${OUTPUT} to be float32 [${count}, ${setup.classes}] (the metadata names ${setup.classes} classes) but it is ${output?.type} [${output?.dims.join(", ")}]`,
    );
  }
  // A copy into memory that can be transferred: K numbers an image.
  const probabilities = new Float32Array(output.data as Float32Array);
  output.dispose();
  return { probabilities, ...mostProbable(probabilities, count) };
}

function mostProbable(
  probabilities: Float32Array,
  count: number,
): Pick<Scores, "classIndex" | "probability"> {
  const classIndex = new Uint32Array(count);
  const probability = new Float32Array(count);
  for (let row = 0; row < count; row++) {
    const at = row * setup.classes;
    let best = 0;
    for (let k = 1; k < setup.classes; k++) if (probabilities[at + k]! > probabilities[at + best]!) best = k;
    classIndex[row] = best;
    probability[row] = probabilities[at + best]!;
  }
  return { classIndex, probability };
}

async function answer(session: InferenceSession, { images, count }: ClassifyRequest): Promise<void> {
  let scores: Scores;
  try {
    scores = await run(session, images, count);
  } catch (error) {
    send({ kind: "failed", message: (error as Error).message });
    return;
  }
  send({ kind: "scores", images, scores }, [
    images.buffer,
    scores.probabilities.buffer,
    scores.classIndex.buffer,
    scores.probability.buffer,
  ]);
}

async function end(session: InferenceSession): Promise<void> {
  await session.release();
  port.close();
}

async function main(): Promise<void> {
  let session: InferenceSession;
  try {
    session = await open();
  } catch (error) {
    send({ kind: "unusable", message: (error as Error).message });
    return;
  }
  // One after the other: the request to end must not free the session under a run.
  let last: Promise<void> = Promise.resolve();
  port.on("message", (message: ToWorker) => {
    last = last.then(() => (message === null ? end(session) : answer(session, message)));
  });
  send({ kind: "ready" });
}

await main();
