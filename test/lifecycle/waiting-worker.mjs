// A worker thread that reads a pipe on which nothing comes.
import { parentPort, workerData } from "node:worker_threads";
import { sessions } from "flowglyph";

const reading = sessions(workerData.pipe).next();
parentPort.postMessage({ started: true });
await reading;
