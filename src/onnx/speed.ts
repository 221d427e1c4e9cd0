// How many sessions a second models classify, one thread each, turn by turn. Of a model's turns the fastest counts: what
// else the machine does only slows. Computes on the calling thread, a batch at a time.
import { InferenceSession, Tensor } from "onnxruntime-node";
import { IMAGE_BYTES } from "../dataset/types.ts";
import { INPUT_NAME } from "./trace.ts";

/** Images of a run: near the best of small models and of large ones. */
export const SPEED_BATCH = 64;

export interface SpeedOptions {
  /** Milliseconds of one model's turn; at least one batch runs. 60 by default. */
  readonly turnMs?: number;
  /** Turns of each model. 7 by default. */
  readonly turns?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sessions a second of each model.
 * @param models The bytes of exported models.
 * @param images uint8 [N, 28, 28], of which batches are taken one after the other; fewer than a batch are repeated.
 */
export async function measureSpeeds(
  models: readonly Uint8Array[],
  images: Uint8Array,
  { turnMs = 60, turns = 7, signal }: SpeedOptions = {},
): Promise<number[]> {
  const batches = batchesOf(images);
  const sessions = await Promise.all(
    models.map((model) =>
      InferenceSession.create(model, {
        executionProviders: ["cpu"],
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        graphOptimizationLevel: "all",
        logSeverityLevel: 3,
      }),
    ),
  );
  try {
    const rates = sessions.map((): number[] => []);
    // The first turn allocates what the others use again.
    for (let turn = -1; turn < turns; turn++) {
      for (const [i, session] of sessions.entries()) {
        signal?.throwIfAborted();
        const rate = await rateOf(session, batches, turn < 0 ? 0 : turnMs);
        if (turn >= 0) rates[i]!.push(rate);
      }
    }
    return rates.map((turnRates) => Math.max(...turnRates));
  } finally {
    await Promise.all(sessions.map((session) => session.release()));
  }
}

function batchesOf(images: Uint8Array): Tensor[] {
  const bytes = SPEED_BATCH * IMAGE_BYTES;
  const count = Math.max(1, Math.floor(images.length / bytes));
  return Array.from({ length: count }, (_, batch) => {
    const pixels = Uint8Array.from({ length: bytes }, (_, i) => images[(batch * bytes + i) % images.length]!);
    return new Tensor("uint8", pixels, [SPEED_BATCH, 28, 28]);
  });
}

async function rateOf(session: InferenceSession, batches: readonly Tensor[], ms: number): Promise<number> {
  const start = performance.now();
  let runs = 0;
  let now = start;
  do {
    await session.run({ [INPUT_NAME]: batches[runs % batches.length]! });
    runs++;
    now = performance.now();
  } while (now - start < ms);
  return (1000 * runs * SPEED_BATCH) / (now - start);
}
