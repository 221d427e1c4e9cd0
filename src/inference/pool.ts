// A fixed set of worker threads that classify, and the queue before them.
import { Worker } from "node:worker_threads";
import { FlowglyphError } from "../../bindings/errors.ts";
import { packageRoot } from "../../bindings/package-root.ts";
import type { FromWorker, Scores, ToWorker, WorkerSetup } from "./messages.ts";

export interface PoolAnswer {
  /** The memory of the request, back from the worker. */
  readonly images: Uint8Array<ArrayBuffer>;
  readonly scores: Scores;
}

export interface Pool {
  readonly size: number;
  /** Classifies `count` images. They are copied when their turn comes, so that what waits costs no memory. ERR_INFERENCE. */
  classify(images: Uint8Array, count: number): Promise<PoolAnswer>;
  /** The same without a copy: `images` is transferred, its buffer with all that it holds, and comes back in the answer. */
  classifyLent(images: Uint8Array<ArrayBuffer>, count: number): Promise<PoolAnswer>;
  /** Ends the threads when what was asked is answered. */
  close(): Promise<void>;
}

interface Job {
  /** The images as the worker gets them. */
  readonly take: () => Uint8Array<ArrayBuffer>;
  readonly count: number;
  readonly resolve: (answer: PoolAnswer) => void;
  readonly reject: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly exited: Promise<void>;
  job: Job | undefined;
}

// Worker threads need JavaScript: run from source (tests), the built file is the one that works.
const WORKER_URL = import.meta.url.endsWith(".ts")
  ? new URL("dist/src/inference/worker.js", packageRoot())
  : new URL("./worker.js", import.meta.url);

/** Starts `size` threads; `where` names the model in messages. ERR_MODEL_FORMAT where they cannot use it. */
export async function openPool(size: number, setup: WorkerSetup, where: string): Promise<Pool> {
  const queue: Job[] = [];
  const threads: Thread[] = [];
  let failure: FlowglyphError | undefined;
  let closing: Promise<void> | undefined;

  /** No thread is replaced: whatever killed one (memory, mostly) would kill the next. */
  function fail(error: FlowglyphError): void {
    failure ??= error;
    for (const job of queue.splice(0)) job.reject(failure);
    for (const thread of threads) {
      thread.job?.reject(failure);
      thread.job = undefined;
      void thread.worker.terminate();
    }
  }

  function assign(thread: Thread): void {
    const job = queue.shift();
    thread.job = job;
    if (job === undefined) {
      // An idle classifier does not keep the process alive; one that is closing has to be waited for.
      if (closing === undefined) thread.worker.unref();
      return;
    }
    thread.worker.ref();
    const images = job.take();
    const { count } = job;
    thread.worker.postMessage({ images, count } satisfies ToWorker, [images.buffer]);
  }

  function receive(thread: Thread, message: FromWorker): void {
    const job = thread.job;
    if (job === undefined) return;
    assign(thread);
    if (message.kind === "scores") job.resolve({ images: message.images, scores: message.scores });
    if (message.kind === "failed") {
      job.reject(new FlowglyphError("ERR_INFERENCE", `Classifying with ${where} failed: ${message.message}`));
    }
  }

  async function start(): Promise<void> {
    // No flags of the process: --input-type or --import of the caller's are not for this file.
    const worker = new Worker(WORKER_URL, { workerData: setup, execArgv: [] });
    let settled = false;
    let exit = (): void => undefined;
    const thread: Thread = { worker, exited: new Promise((resolve) => (exit = resolve)), job: undefined };
    threads.push(thread);
    await new Promise<void>((resolve, reject) => {
      const stop = (error: FlowglyphError) => {
        if (!settled) reject(error);
        settled = true;
        fail(error);
      };
      worker.on("message", (message: FromWorker) => {
        if (message.kind === "unusable") {
          stop(new FlowglyphError("ERR_MODEL_FORMAT", `${where} cannot be used: ${message.message}`));
        } else if (message.kind === "ready") {
          settled = true;
          worker.unref();
          resolve();
        } else receive(thread, message);
      });
      worker.on("error", (cause) =>
        stop(new FlowglyphError("ERR_INFERENCE", `A worker thread failed: ${cause.message}`, { cause })),
      );
      worker.on("exit", (code) => {
        if (closing === undefined || thread.job !== undefined) {
          stop(new FlowglyphError("ERR_INFERENCE", `A worker thread ended (exit code ${code})`));
        }
        exit();
      });
    });
  }

  function enqueue(take: Job["take"], count: number): Promise<PoolAnswer> {
    if (failure) return Promise.reject(failure);
    if (closing) return Promise.reject(new FlowglyphError("ERR_INFERENCE", "The classifier is closed"));
    return new Promise((resolve, reject) => {
      queue.push({ take, count, resolve, reject });
      const idle = threads.find((thread) => thread.job === undefined);
      if (idle) assign(idle);
    });
  }

  async function shutDown(): Promise<void> {
    // Behind the requests that are already with the thread; queued ones are given up.
    for (const job of queue.splice(0)) {
      job.reject(new FlowglyphError("ERR_ABORTED", "The classifier was closed before its turn came"));
    }
    for (const { worker } of threads) {
      worker.ref();
      worker.postMessage(null satisfies ToWorker);
    }
    await Promise.all(threads.map((thread) => thread.exited));
  }

  function close(): Promise<void> {
    closing ??= shutDown();
    return closing;
  }

  try {
    await Promise.all(Array.from({ length: size }, start));
  } catch (error) {
    await Promise.all(threads.map((thread) => thread.exited));
    throw error;
  }
  return {
    size,
    // A view's whole buffer would travel: a copy of what it shows keeps the rest of the caller's memory out of it.
    classify: (images, count) => enqueue(() => new Uint8Array(images), count),
    classifyLent: (images, count) => enqueue(() => images, count),
    close,
  };
}
