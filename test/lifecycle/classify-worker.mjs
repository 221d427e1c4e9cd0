// A worker thread that encodes and classifies captures: once, or on and on until it is terminated.
import { parentPort, workerData } from "node:worker_threads";
import { Classifier } from "flowglyph";

const { captures, model, forever } = workerData;
do {
  const classifier = await Classifier.load(model, { workers: 1 });
  let sessions = 0;
  let checksum = 0;
  for await (const batch of classifier.classify(captures, { batchSize: 32 })) {
    if (sessions === 0) parentPort.postMessage({ started: true });
    sessions += batch.count;
    for (let i = 0; i < batch.count; i++) checksum += batch.classIndex[i] + batch.probability[i];
  }
  await classifier.close();
  if (!forever) parentPort.postMessage({ sessions, checksum });
} while (forever);
