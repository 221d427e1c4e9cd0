// Captures in, verdicts out, as a stream: reading, classifying and the consumer work at the same time, and only a few
// batches are alive at once, so that a capture may be larger than memory.
import { IMAGE_BYTES } from "../../bindings/capture/batch.ts";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import {
  CAPTURE_DEFAULTS,
  type CaptureOptions,
  type ProtocolList,
  protocolNumbers,
  type ResolvedCaptureOptions,
  resolveCaptureOptions,
} from "../capture/options.ts";
import { abortedBy } from "../capture/reader.ts";
import { type BatchMemory, batchMemories, type SessionBatch, viewBatch } from "../capture/sessions.ts";
import type { ModelMetadata } from "../onnx/metadata.ts";
import type { Classifier, LendingClassifier } from "./classifier.ts";
import type { Scores } from "./messages.ts";

// Sessions a batch, where the caller does not say: verdicts come soon, and every worker gets its share of a small capture.
const BATCH_SIZE = 256;

/** A batch of sessions with the verdict on each. */
export interface VerdictBatch extends SessionBatch, Scores {
  /** Class names; `classIndex` is an index into it. */
  readonly classes: readonly string[];
}

/**
 * Classifies the sessions of captures, in the order of `sessions`, each batch as soon as its verdicts are there.
 *
 * View, mask, order, decap, protocols and timeouts are the model's. `options` may give them only where the model does not know
 * them (it was trained on images from elsewhere), and fewer protocols; anything else that contradicts the model is
 * ERR_ARGUMENT.
 *
 * @param captures files, folders (the captures below them), `-` for standard input
 * @throws FlowglyphError ERR_ARGUMENT at once; while iterating what `sessions` throws, and ERR_INFERENCE
 */
export function classifySessions(
  captures: string | readonly string[],
  classifier: Classifier,
  options: CaptureOptions = {},
): AsyncGenerator<VerdictBatch, void, void> {
  if (!isLending(classifier)) {
    throw invalidArgument("classifier", "what openClassifier returned", typeof classifier);
  }
  const resolved = resolveCaptureOptions({
    batchSize: BATCH_SIZE,
    ...matchModel(options, classifier.metadata),
  });
  return stream(captures, classifier, resolved);
}

interface Pending {
  readonly memory: BatchMemory;
  readonly answer: Promise<{ images: Uint8Array<ArrayBuffer>; scores: Scores }>;
}

async function* stream(
  captures: string | readonly string[],
  classifier: LendingClassifier,
  options: ResolvedCaptureOptions,
): AsyncGenerator<VerdictBatch, void, void> {
  const { classes } = classifier.metadata;
  // One batch a worker, and one more so that none waits for the consumer.
  const limit = classifier.workers + 1;
  const pending: Pending[] = [];

  async function oldest(): Promise<VerdictBatch> {
    const { memory, answer } = pending.shift()!;
    const { images, scores } = await answer;
    return { ...viewBatch({ ...memory, buffer: images.buffer }), ...scores, classes };
  }

  // A consumer that leaves must not wait for the packet that a silent pipe may bring.
  const leaving = new AbortController();
  const signal = AbortSignal.any([leaving.signal, ...(options.signal ? [options.signal] : [])]);
  const batches = batchMemories(captures, { ...options, signal });
  let reading: ReturnType<typeof batches.next> | undefined;
  let failure: { readonly error: unknown } | undefined;
  try {
    for (;;) {
      if (reading === undefined) {
        reading = batches.next();
        reading.catch(() => undefined);
      }
      const head = pending[0];
      if (head && (pending.length >= limit || (await comesFirst(head.answer, reading)))) {
        yield await oldest();
        continue;
      }
      const { value: memory, done } = await reading;
      reading = undefined;
      if (done) break;
      // The whole buffer travels to the worker and back, columns and all; views are made when it has come back.
      const images = new Uint8Array(
        memory.buffer,
        memory.byteOffset + memory.layout.images.offset,
        memory.count * IMAGE_BYTES,
      );
      const answer = classifier.classifyLent(images, memory.count);
      // A failure is raised when its turn comes; a consumer that leaves before does not hear of it.
      answer.catch(() => undefined);
      pending.push({ memory, answer });
    }
  } catch (error) {
    failure = { error };
  } finally {
    leaving.abort();
    await batches.return();
  }
  // Verdicts on what was read before a file failed are still wanted; after an abort or a failed run they are not.
  while (pending.length > 0 && !options.signal?.aborted) yield await oldest();
  if (failure) throw failure.error;
  if (options.signal?.aborted) throw abortedBy(options.signal);
}

/** Whether `promise` settles while `other` does not: where both have, the answer is no. */
function comesFirst(promise: Promise<unknown>, other: Promise<unknown>): Promise<boolean> {
  const settled = (which: Promise<unknown>, value: boolean) =>
    which.then(
      () => value,
      () => value,
    );
  return Promise.race([settled(other, false), settled(promise, true)]);
}

// What the model says goes; what it does not know may be told, and has a default where one is harmless.
const MODEL_OPTIONS = {
  view: undefined,
  mask: undefined,
  order: undefined,
  decap: CAPTURE_DEFAULTS.decap,
  protocols: CAPTURE_DEFAULTS.protocols,
  idleTimeout: CAPTURE_DEFAULTS.idleTimeout,
  activeTimeout: CAPTURE_DEFAULTS.activeTimeout,
  closeTimeout: CAPTURE_DEFAULTS.closeTimeout,
} as const;

function matchModel(options: CaptureOptions, model: ModelMetadata): CaptureOptions {
  const given = resolveCaptureOptions(options);
  const matched = Object.entries(MODEL_OPTIONS).map(([field, otherwise]) => {
    const name = field as keyof typeof MODEL_OPTIONS;
    const known = model[name] === "unknown" ? undefined : (model[name] ?? undefined);
    const value = options[name] === undefined ? undefined : given[name];
    if (known === undefined) return [name, value ?? otherwise ?? untold(name, given)];
    // Fewer protocols are a part of what the model knows.
    if (name === "protocols" && value !== undefined && isPart(given.protocols, model.protocols))
      return [name, value];
    // Payload has an order in view l7 alone.
    const matters = name !== "order" || model.view === "l7" || model.view === "unknown";
    if (value !== undefined && matters && String(value) !== String(known))
      throw invalidArgument(name, `${known}, as the model has it`, options[name]);
    return [name, known];
  });
  return { ...options, ...Object.fromEntries(matched) };
}

function isPart(some: ProtocolList, all: ProtocolList | "unknown"): boolean {
  if (all === "unknown") return true;
  const known = new Set(protocolNumbers(all));
  return protocolNumbers(some).every((protocol) => known.has(protocol));
}

function untold(name: string, { view }: ResolvedCaptureOptions): unknown {
  if (name === "order" && view !== "l7") return CAPTURE_DEFAULTS.order;
  throw new FlowglyphError(
    "ERR_ARGUMENT",
    `Expected options.${name}: the model does not know the ${name} of the images that it was trained on`,
  );
}

function isLending(classifier: Classifier): classifier is LendingClassifier {
  return typeof (classifier as Partial<LendingClassifier> | undefined)?.classifyLent === "function";
}
