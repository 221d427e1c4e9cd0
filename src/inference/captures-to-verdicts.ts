// Captures in, verdicts out, as a stream: reading, classifying and the consumer work at the same time, and only a few
// batches are alive at once, so that a capture may be larger than memory.
import { Readable } from "node:stream";
import { IMAGE_BYTES } from "../../bindings/capture/batch.ts";
import type { ResolvedCaptureOptions } from "../capture/options.ts";
import type { CaptureSource } from "../capture/pushed-input.ts";
import { abortedBy } from "../capture/reader.ts";
import { type BatchMemory, batchMemories, type SessionBatch, viewBatch } from "../capture/sessions.ts";
import type { Scores } from "./messages.ts";

/** Verdicts on images. */
export interface Predictions extends Scores {
  /** Class names; `classIndex` is an index into it. */
  readonly classes: readonly string[];
}

/** A batch of sessions with the verdict on each. */
export interface VerdictBatch extends SessionBatch, Predictions {}

/** Batches of verdicts: iterate over them, or take them as a Node stream; one of the two, once. */
export interface VerdictStream extends AsyncGenerator<VerdictBatch, void, void> {
  /** A stream of objects, a VerdictBatch each. Destroying it ends the reading, also of a silent pipe. */
  toReadable(): Readable;
}

export interface StreamSetup {
  readonly captures: CaptureSource;
  readonly options: ResolvedCaptureOptions;
  /** Batches in the order of the captures, and not as their verdicts come. */
  readonly ordered: boolean;
  /** Batches under way at once. */
  readonly limit: number;
  readonly predict: (images: Uint8Array, count: number, signal: AbortSignal) => Promise<Predictions>;
  /** Called when the iteration begins; what it returns, when it ends, whichever way. It may be called again. */
  readonly begin: () => () => void;
}

export function verdictStream(setup: StreamSetup): VerdictStream {
  const leaving = new AbortController();
  const batches = generate(setup, leaving);
  return Object.assign(batches, { toReadable: () => readableOf(batches, leaving) });
}

interface Pending {
  readonly memory: BatchMemory;
  outcome: { readonly predictions: Predictions } | { readonly error: unknown } | undefined;
}

async function* generate(
  { captures, options, ordered, limit, predict, begin }: StreamSetup,
  leaving: AbortController,
): AsyncGenerator<VerdictBatch, void, void> {
  const end = begin();
  const signal = AbortSignal.any([leaving.signal, ...(options.signal ? [options.signal] : [])]);
  const batches = batchMemories(captures, { ...options, signal });
  const pending: Pending[] = [];
  let wake = (): void => undefined;
  let reading = false;
  let ended = false;
  let stopped = false;
  let unreadable: { readonly error: unknown } | undefined;

  /** Reads on, also while the consumer is at a batch, as long as there is room. */
  function readOn(): void {
    if (reading || ended || stopped || pending.length >= limit) return;
    reading = true;
    batches
      .next()
      .then(
        ({ value, done }) => {
          reading = false;
          if (stopped) return;
          if (done) ended = true;
          else send(value as BatchMemory);
          readOn();
        },
        (error: unknown) => {
          unreadable = { error };
        },
      )
      .then(() => wake());
  }

  function send(memory: BatchMemory): void {
    const entry: Pending = { memory, outcome: undefined };
    pending.push(entry);
    const { buffer, byteOffset, layout, count } = memory;
    const images = new Uint8Array(buffer, byteOffset + layout.images.offset, count * IMAGE_BYTES);
    predict(images, count, signal)
      .then(
        (predictions) => {
          entry.outcome = { predictions };
        },
        (error: unknown) => {
          entry.outcome = { error };
        },
      )
      .then(() => wake());
  }

  /** The batch whose turn it is, if its verdicts are there. @throws what its classification failed with */
  function takeReady(): VerdictBatch | undefined {
    const at = ordered ? 0 : pending.findIndex(({ outcome }) => outcome !== undefined);
    const entry = pending[at];
    if (entry?.outcome === undefined) return undefined;
    pending.splice(at, 1);
    if ("error" in entry.outcome) throw entry.outcome.error;
    return { ...viewBatch(entry.memory), ...entry.outcome.predictions };
  }

  let failure: { readonly error: unknown } | undefined;
  try {
    readOn();
    for (;;) {
      if (unreadable !== undefined) throw (unreadable as { readonly error: unknown }).error;
      const batch = takeReady();
      if (batch) {
        readOn();
        yield batch;
      } else if (ended && pending.length === 0) break;
      // Nothing runs between the looks above and this: no wake-up is lost.
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } catch (error) {
    failure = { error };
  } finally {
    stopped = true;
    // A consumer that leaves must not wait for the packet that a silent pipe may bring. After a failure what waits for its
    // verdict still gets it.
    if (failure === undefined) leaving.abort();
    await batches.return();
    if (failure === undefined) end();
  }
  try {
    // Verdicts on what was read before a file failed are still wanted; after an abort they are not.
    while (pending.length > 0 && !signal.aborted) {
      const batch = takeReady();
      if (batch) yield batch;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    leaving.abort();
    end();
  }
  if (options.signal?.aborted) throw abortedBy(options.signal);
  if (failure) throw failure.error;
}

function readableOf(batches: AsyncGenerator<VerdictBatch, void, void>, leaving: AbortController): Readable {
  return new Readable({
    objectMode: true,
    // A batch is large: none is made before it is asked for, but for the one that is next.
    highWaterMark: 1,
    read() {
      batches.next().then(
        ({ value, done }) => this.push(done ? null : value),
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, callback) {
      leaving.abort();
      batches.return().then(
        () => callback(error),
        // What the reading says of its own end is what was asked for.
        () => callback(error),
      );
    },
  });
}
