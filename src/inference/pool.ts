// A fixed set of hosts that classify, and the queue before them.
import { FlowglyphError } from "../../bindings/errors.ts";
import { type Host, type HostSetup, startHost } from "./host.ts";
import type { FromHost, Scores } from "./messages.ts";

export interface PoolAnswer {
  /** The images as they were given; lent memory comes back in a new ArrayBuffer. */
  readonly images: Uint8Array<ArrayBuffer>;
  readonly scores: Scores;
}

export interface Pool {
  /** Classifies `count` images. They are copied when their turn comes, so that what waits costs no memory. ERR_INFERENCE. */
  classify(images: Uint8Array, count: number): Promise<PoolAnswer>;
  /** The same without a copy: `images` is lent, its buffer with all that it holds, and comes back in the answer. */
  classifyLent(images: Uint8Array<ArrayBuffer>, count: number): Promise<PoolAnswer>;
  /** Ends the hosts when what they are at is answered. Any number of times. */
  close(): Promise<void>;
}

interface Job {
  /** The images as the host gets them. */
  readonly take: () => Uint8Array<ArrayBuffer>;
  readonly count: number;
  readonly resolve: (answer: PoolAnswer) => void;
  readonly reject: (error: Error) => void;
}

interface Seat {
  readonly host: Host;
  readonly gone: Promise<void>;
  job: Job | undefined;
}

/** Starts `size` hosts; `where` names the model in messages. ERR_MODEL_FORMAT where they cannot use it. */
export async function openPool(size: number, setup: HostSetup, where: string): Promise<Pool> {
  const queue: Job[] = [];
  const seats: Seat[] = [];
  let failure: FlowglyphError | undefined;
  let closing: Promise<void> | undefined;

  /** No host is replaced: whatever ended one (memory, mostly) would end the next. */
  function fail(error: FlowglyphError): void {
    if (failure === undefined) for (const { host } of seats) end(host);
    failure ??= error;
    for (const job of queue.splice(0)) job.reject(failure);
  }

  /** Asks, never kills: see gate.ts. */
  function end(host: Host): void {
    host.keepAlive(true);
    host.send(null);
  }

  function assign(seat: Seat): void {
    const job = queue.shift();
    seat.job = job;
    if (job !== undefined) {
      seat.host.keepAlive(true);
      seat.host.send({ images: job.take(), count: job.count });
    } else if (closing === undefined && failure === undefined) {
      // An idle classifier does not keep the process alive; one that is ending has to be waited for.
      seat.host.keepAlive(false);
    }
  }

  function receive(seat: Seat, message: FromHost): void {
    const job = seat.job;
    if (job === undefined) return;
    assign(seat);
    if (message.kind === "scores" && message.images !== undefined) {
      job.resolve({ images: message.images, scores: message.scores });
    } else if (message.kind === "failed") {
      job.reject(new FlowglyphError("ERR_INFERENCE", `Classifying with ${where} failed: ${message.message}`));
    }
  }

  /** Resolves when the host can classify. */
  function start(): Promise<void> {
    return new Promise((ready, refuse) => {
      let leave = (): void => undefined;
      const host = startHost(setup, {
        message(message) {
          if (message.kind === "ready") {
            if (failure === undefined) host.keepAlive(false);
            ready();
          } else if (message.kind === "unusable") {
            const error = new FlowglyphError(
              "ERR_MODEL_FORMAT",
              `${where} cannot be used: ${message.message}`,
            );
            refuse(error);
            fail(error);
          } else receive(seat, message);
        },
        gone(cause) {
          const why = cause === undefined ? "" : `: ${cause.message}`;
          const error = new FlowglyphError("ERR_INFERENCE", `A host of the classifier ended${why}`, {
            cause,
          });
          refuse(error);
          seat.job?.reject(error);
          seat.job = undefined;
          if (closing === undefined) fail(error);
          leave();
        },
      });
      const seat: Seat = { host, gone: new Promise((resolve) => (leave = resolve)), job: undefined };
      seats.push(seat);
    });
  }

  function enqueue(take: Job["take"], count: number): Promise<PoolAnswer> {
    if (failure) return Promise.reject(failure);
    if (closing) return Promise.reject(new FlowglyphError("ERR_INFERENCE", "The classifier is closed"));
    return new Promise((resolve, reject) => {
      queue.push({ take, count, resolve, reject });
      const idle = seats.find((seat) => seat.job === undefined);
      if (idle) assign(idle);
    });
  }

  async function shutDown(): Promise<void> {
    for (const job of queue.splice(0)) {
      job.reject(new FlowglyphError("ERR_ABORTED", "The classifier was closed before its turn came"));
    }
    // Behind the request that each is at.
    for (const { host } of seats) end(host);
    await Promise.all(seats.map((seat) => seat.gone));
  }

  function close(): Promise<void> {
    closing ??= shutDown();
    return closing;
  }

  try {
    await Promise.all(Array.from({ length: size }, start));
  } catch (error) {
    await Promise.all(seats.map((seat) => seat.gone));
    throw error;
  }
  return {
    // A view's whole buffer would travel: a copy of what it shows keeps the rest of the caller's memory out of it.
    classify: (images, count) => enqueue(() => new Uint8Array(images), count),
    classifyLent: (images, count) => enqueue(() => images, count),
    close,
  };
}
