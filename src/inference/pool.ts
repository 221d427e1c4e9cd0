// Hosts that classify, and the queue before them. Waiting images cost no memory: they are copied when their turn comes, into
// memory that travels between here and one host for as long as both live, so that a host that dies takes no image with it.
import { IMAGE_BYTES } from "../../bindings/capture/batch.ts";
import { FlowglyphError } from "../../bindings/errors.ts";
import { type Host, type HostSetup, type Isolation, startHost } from "./host.ts";
import type { FromHost, Scores } from "./messages.ts";
import { makeWatch, type Watch } from "./watch.ts";

export interface PoolOptions {
  readonly size: number;
  /** Images of a run that is put together, and of the memory of a run. */
  readonly batch: number;
  readonly isolation: Isolation;
  /** A host that needs more than this for one run, or to start, hangs, and is replaced. */
  readonly runSeconds: number;
  /** Names the model in messages. */
  readonly where: string;
}

export interface Pool {
  /**
   * Classifies `count` images in one run; small requests that wait together run together, up to a batch. `images` must not
   * change before the answer.
   * ERR_INFERENCE; ERR_ABORTED where `signal` or close() came before its turn.
   */
  classify(images: Uint8Array, count: number, signal?: AbortSignal): Promise<Scores>;
  /** For calibration, while nothing runs. Hosts that are too many end, those that lack are started. */
  tune(size: number, batch: number): Promise<void>;
  /** Ends the hosts when what they are at is answered. Any number of times. */
  close(): Promise<void>;
}

/** A request for verdicts. */
interface Job {
  readonly images: Uint8Array;
  readonly count: number;
  readonly resolve: (scores: Scores) => void;
  readonly reject: (error: Error) => void;
  /** Hosts that ended while they were at it. */
  deaths: number;
}

/** What a host is told at once: jobs, one after the other in `images`. */
interface Run {
  readonly jobs: readonly Job[];
  readonly count: number;
}

interface Seat {
  readonly host: Host;
  readonly gone: Promise<void>;
  /** Memory of a batch of images each: one a run that is under way, the others wait here. */
  readonly free: Uint8Array<ArrayBuffer>[];
  /** Sent and not answered, in that order: the first is computed, the second waits in the host's inbox. */
  readonly runs: Run[];
  /** Of the run that is computed. */
  readonly watch: Watch;
  ready: boolean;
}

// One run that is computed, and one that is there when it ends: no host waits for our thread.
const RUNS_A_HOST = 2;
// A batch whose hosts end twice is not tried a third time: it may well be what ends them.
const DEATHS_OF_A_JOB = 2;
// Hosts that end, one after the other, before any of them answers: whatever ends them would end the next.
const FAILED_STARTS = 3;

/** Starts the hosts. ERR_MODEL_FORMAT where they cannot use the model; ERR_INFERENCE where they end. */
export async function openPool(
  setup: HostSetup,
  options: PoolOptions,
  launch: typeof startHost = startHost,
): Promise<Pool> {
  const { where, isolation, runSeconds } = options;
  const queue: Job[] = [];
  const seats = new Set<Seat>();
  const bySignal = new Map<AbortSignal, { readonly jobs: Set<Job>; readonly leave: () => void }>();
  let { size, batch } = options;
  let failedStarts = 0;
  let failure: FlowglyphError | undefined;
  let closing: Promise<void> | undefined;

  /** Nothing can be classified any more. */
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

  /** The jobs of the next run: as many as a batch holds. One that has seen a host end runs alone. */
  function takeJobs(): Run {
    const jobs: Job[] = [];
    let count = 0;
    for (let job = queue[0]; job !== undefined; job = queue[0]) {
      if (jobs.length > 0 && (job.deaths > 0 || count + job.count > batch)) break;
      jobs.push(job);
      count += job.count;
      queue.shift();
      if (job.deaths > 0) break;
    }
    return { jobs, count };
  }

  /** Gives what waits to whoever has the least to do. */
  function assign(): void {
    while (queue.length > 0) {
      let idlest: Seat | undefined;
      for (const seat of seats) {
        if (seat.ready && seat.runs.length < (idlest?.runs.length ?? RUNS_A_HOST)) idlest = seat;
      }
      if (idlest === undefined) return;
      const run = takeJobs();
      const images = idlest.free.pop() ?? new Uint8Array(Math.max(batch, run.count) * IMAGE_BYTES);
      let at = 0;
      for (const job of run.jobs) {
        images.set(job.images.subarray(0, job.count * IMAGE_BYTES), at);
        at += job.count * IMAGE_BYTES;
      }
      idlest.runs.push(run);
      if (idlest.runs.length === 1) idlest.watch.begin();
      idlest.host.keepAlive(true);
      idlest.host.send({ images, count: run.count });
    }
  }

  function receive(seat: Seat, message: FromHost): void {
    const run = seat.runs.shift();
    if (run === undefined || message.kind === "ready" || message.kind === "unusable") return;
    failedStarts = 0;
    if (seat.runs.length > 0) seat.watch.begin();
    else seat.watch.end();
    if (message.images?.length === batch * IMAGE_BYTES) seat.free.push(message.images);
    assign();
    // An idle classifier does not keep the process alive; one that is ending has to be waited for.
    if (seat.runs.length === 0 && closing === undefined && failure === undefined) seat.host.keepAlive(false);
    if (message.kind === "scores") {
      share(run, message.scores);
    } else {
      const error = new FlowglyphError(
        "ERR_INFERENCE",
        `Classifying with ${where} failed: ${message.message}`,
      );
      for (const job of run.jobs) job.reject(error);
    }
  }

  /** Its runs go back to the front of the queue, and another takes its place. */
  function replace(seat: Seat, cause: Error | undefined): void {
    const why = cause === undefined ? "" : `: ${cause.message}`;
    const [computed, waiting] = seat.runs.splice(0);
    if (waiting) queue.unshift(...waiting.jobs);
    for (const job of computed?.jobs.toReversed() ?? []) {
      job.deaths++;
      if (job.deaths < DEATHS_OF_A_JOB) queue.unshift(job);
      else
        job.reject(
          new FlowglyphError(
            "ERR_INFERENCE",
            `${DEATHS_OF_A_JOB} hosts of the classifier, one after the other, ended at the same ${job.count} images${why}`,
            { cause },
          ),
        );
    }
    // A host that ended over a run is that run's fault, until the run has ended two.
    if (computed !== undefined) failedStarts = 0;
    restart(cause);
  }

  function restart(cause: Error | undefined): void {
    if (closing !== undefined || failure !== undefined) return;
    failedStarts++;
    if (failedStarts <= FAILED_STARTS) {
      start().catch((error: Error) => restart((error.cause as Error | undefined) ?? error));
      return;
    }
    const why = cause === undefined ? "" : `: ${cause.message}`;
    fail(
      new FlowglyphError("ERR_INFERENCE", `The hosts of the classifier end as soon as they start${why}`, {
        cause,
      }),
    );
  }

  /** Resolves when the host can classify. */
  function start(): Promise<void> {
    return new Promise((ready, refuse) => {
      let leave = (): void => undefined;
      const host = launch(setup, isolation, {
        message(message) {
          if (message.kind === "ready") {
            seat.ready = true;
            seat.watch.end();
            if (failure === undefined && closing === undefined) host.keepAlive(false);
            ready();
            assign();
          } else if (message.kind === "unusable") {
            refuse(new FlowglyphError("ERR_MODEL_FORMAT", `${where} cannot be used: ${message.message}`));
          } else receive(seat, message);
        },
        gone(cause) {
          seat.watch.end();
          const wanted = seats.delete(seat) && closing === undefined && failure === undefined;
          if (wanted && seat.ready) replace(seat, cause);
          else {
            const why = cause === undefined ? "" : `: ${cause.message}`;
            const error = new FlowglyphError("ERR_INFERENCE", `A host of the classifier ended${why}`, {
              cause,
            });
            for (const run of seat.runs.splice(0)) for (const job of run.jobs) job.reject(error);
            refuse(error);
          }
          leave();
        },
      });
      const seat: Seat = {
        host,
        gone: new Promise((resolve) => (leave = resolve)),
        free: [],
        runs: [],
        watch: makeWatch(runSeconds, () =>
          host.abandon(new Error(`it gave no answer within ${runSeconds} s`)),
        ),
        ready: false,
      };
      seat.watch.begin();
      seats.add(seat);
    });
  }

  function classify(images: Uint8Array, count: number, signal?: AbortSignal): Promise<Scores> {
    if (failure) return Promise.reject(failure);
    if (closing) return Promise.reject(new FlowglyphError("ERR_INFERENCE", "The classifier is closed"));
    if (signal?.aborted) return Promise.reject(aborted(signal));
    return new Promise((resolve, reject) => {
      const job: Job = {
        images,
        count,
        resolve: (scores) => {
          forget(job, signal);
          resolve(scores);
        },
        reject: (error) => {
          forget(job, signal);
          reject(error);
        },
        deaths: 0,
      };
      if (signal) remember(job, signal);
      queue.push(job);
      assign();
    });
  }

  // One listener a signal, however many jobs: a large request is many.
  function remember(job: Job, signal: AbortSignal): void {
    const known = bySignal.get(signal);
    if (known) {
      known.jobs.add(job);
      return;
    }
    const jobs = new Set([job]);
    const leave = () => {
      for (const at of [...jobs]) {
        const place = queue.indexOf(at);
        if (place >= 0) queue.splice(place, 1);
        at.reject(aborted(signal));
      }
    };
    bySignal.set(signal, { jobs, leave });
    signal.addEventListener("abort", leave, { once: true });
  }

  function forget(job: Job, signal: AbortSignal | undefined): void {
    const known = signal && bySignal.get(signal);
    if (!known?.jobs.delete(job) || known.jobs.size > 0) return;
    signal!.removeEventListener("abort", known.leave);
    bySignal.delete(signal!);
  }

  async function shutDown(): Promise<void> {
    for (const job of queue.splice(0)) {
      job.reject(new FlowglyphError("ERR_ABORTED", "The classifier was closed before its turn came"));
    }
    // Behind the runs that each is at.
    const ending = [...seats];
    for (const { host } of ending) end(host);
    await Promise.all(ending.map(({ gone }) => gone));
  }

  function close(): Promise<void> {
    closing ??= shutDown();
    return closing;
  }

  async function tune(newSize: number, newBatch: number): Promise<void> {
    size = newSize;
    if (newBatch !== batch) for (const { free } of seats) free.length = 0;
    batch = newBatch;
    const surplus = [...seats].slice(size);
    for (const seat of surplus) {
      seats.delete(seat);
      end(seat.host);
    }
    await Promise.all([
      ...surplus.map(({ gone }) => gone),
      ...Array.from({ length: size - seats.size }, start),
    ]);
  }

  try {
    await Promise.all(Array.from({ length: size }, start));
  } catch (error) {
    await close();
    throw error;
  }
  return { classify, tune, close };
}

/** Each job's part of what a run gave. */
function share({ jobs, count }: Run, scores: Scores): void {
  const [only] = jobs;
  if (only && jobs.length === 1) {
    only.resolve(scores);
    return;
  }
  const classes = scores.probabilities.length / count;
  let row = 0;
  for (const job of jobs) {
    const end = row + job.count;
    job.resolve({
      probabilities: scores.probabilities.slice(row * classes, end * classes),
      classIndex: scores.classIndex.slice(row, end),
      probability: scores.probability.slice(row, end),
    });
    row = end;
  }
}

function aborted(signal: AbortSignal): FlowglyphError {
  return new FlowglyphError("ERR_ABORTED", "Classifying was aborted", { cause: signal.reason });
}
