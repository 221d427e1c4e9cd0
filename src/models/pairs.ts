// Logistic regression on what sessions have in common: latent semantic analysis of adjacent byte pairs, learned from all
// sessions without labels (native/core/pairs), and a linear classifier learned from the labelled ones (native/core/logistic).

import { setImmediate } from "node:timers/promises";
import { fitLogistic } from "../../bindings/capture/logistic.ts";
import {
  fitPairTable,
  MAX_DIMENSIONS,
  MAX_FIT_SESSIONS,
  PAIRS,
  pairFactors,
} from "../../bindings/capture/pairs.ts";
import { FlowglyphError } from "../../bindings/errors.ts";
import { seededRandom, shuffle } from "../dataset/random.ts";
import { IMAGE_BYTES } from "../dataset/types.ts";
import type { GraphBuilder, GraphValue } from "../onnx/graph.ts";
import type { FitRequest, FittedModel, FittedRow, FittedState } from "./fitted.ts";
import { emitPairFactors } from "./pairs-graph.ts";

type PairsOptions = {
  readonly dimensions: number;
  readonly penalty: number;
  readonly sessions: number;
};

interface Weights {
  /** float32 [65536, dimensions] */
  readonly table: Float32Array;
  /** float32 [classes, dimensions] */
  readonly weight: Float32Array;
  /** float32 [classes] */
  readonly bias: Float32Array;
}

// A stream of the seed of its own: those of the splits, of the trainer and of the folds are others.
const SAMPLE_STREAM = 400;
// Rows whose probabilities are computed between two looks at the event loop.
const ROWS_AT_ONCE = 4096;

const wholeNumber = (most: number) => (value: unknown) =>
  Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= most;

export const pairs: FittedRow<PairsOptions> = {
  name: "pairs",
  description:
    "logistic regression on factors of adjacent byte pairs, which are learned from all sessions, labelled or not; seconds, and strong with few labels",
  options: {
    dimensions: {
      default: 128,
      about: "factors of a session; the model grows with them",
      expected: `a whole number from 1 to ${MAX_DIMENSIONS}`,
      check: wholeNumber(MAX_DIMENSIONS),
    },
    penalty: {
      default: 100,
      about: "C of scikit-learn's LogisticRegression: the smaller, the simpler the classifier",
      expected: "a number above 0, at most 1e9",
      check: (value) => typeof value === "number" && value > 0 && value <= 1e9,
    },
    sessions: {
      default: 20_000,
      about:
        "sessions that the factors are learned from, at most: the labelled ones and a sample of the others",
      expected: `a whole number from 1 to ${MAX_FIT_SESSIONS}`,
      check: wholeNumber(MAX_FIT_SESSIONS),
    },
  },
  async fit(request) {
    const { images, labels, classes, options, threads, signal, onProgress, checkpoint } = request;
    const { dimensions, penalty } = options;
    const saved = savedWeights(request);
    onProgress(0, 2);
    const table = saved.table ?? (await learnTable(request));
    onProgress(1, 2);
    await checkpoint(() => new Map([["table", table]]));
    const linear =
      saved.linear ??
      (await fitLogistic(await pairFactors(images, table, { threads, signal }), labels, {
        classes,
        penalty,
        threads,
        signal,
      }));
    onProgress(2, 2);
    return pairsModel({ table, weight: linear.weight, bias: linear.bias }, dimensions, classes);
  },
};

async function learnTable(request: FitRequest<PairsOptions>): Promise<Float32Array> {
  const { images, labels, unlabelled, seed, options, threads, signal } = request;
  const { dimensions, sessions } = options;
  const own = labels.length;
  const order = shuffle(
    Uint32Array.from({ length: own + unlabelled.count }, (_, row) => row),
    seededRandom(seed, SAMPLE_STREAM),
  );
  // Labelled ones first, each part in random order; ascending at the end, so that nothing but the set matters.
  const chosen = [...order.filter((row) => row < own), ...order.filter((row) => row >= own)].slice(
    0,
    sessions,
  );
  const rows = Uint32Array.from(chosen).sort();
  const labelled = rows.filter((row) => row < own);
  const others = unlabelled.take(rows.filter((row) => row >= own).map((row) => row - own));
  const all = new Uint8Array(labelled.length * IMAGE_BYTES + others.length);
  for (const [i, row] of labelled.entries())
    all.set(images.subarray(row * IMAGE_BYTES, (row + 1) * IMAGE_BYTES), i * IMAGE_BYTES);
  all.set(others, labelled.length * IMAGE_BYTES);
  return fitPairTable(all, Uint32Array.from(rows.keys()), {
    dimensions,
    seed: Math.abs(seed),
    threads,
    signal,
  });
}

function pairsModel(weights: Weights, dimensions: number, classes: number): FittedModel {
  const { table, weight, bias } = weights;
  return {
    classes,
    async predict(images, { threads, signal } = {}) {
      const factors = await pairFactors(images, table, { threads, signal });
      const rows = factors.length / dimensions;
      const probabilities = new Float32Array(rows * classes);
      for (let row = 0; row < rows; row++) {
        if (row % ROWS_AT_ONCE === ROWS_AT_ONCE - 1) await setImmediate();
        if (signal?.aborted) throw new FlowglyphError("ERR_ABORTED", "Asking for probabilities was aborted");
        const own = factors.subarray(row * dimensions, (row + 1) * dimensions);
        probabilities.set(softmax(linear(own, weight, bias)), row * classes);
      }
      return probabilities;
    },
    emit: (graph, images) => emitPairs(graph, images, weights, dimensions, classes),
    state: (): FittedState => new Map(Object.entries(weights)),
    unlabelledState: (): FittedState => new Map([["table", table]]),
  };
}

function linear(factors: Float32Array, weight: Float32Array, bias: Float32Array): Float64Array {
  return Float64Array.from(bias, (offset, label) => {
    let sum = offset;
    for (let j = 0; j < factors.length; j++) sum += weight[label * factors.length + j]! * factors[j]!;
    return sum;
  });
}

function softmax(logits: Float64Array): Float64Array {
  const greatest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - greatest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

function emitPairs(
  graph: GraphBuilder,
  images: GraphValue,
  { table, weight, bias }: Weights,
  dimensions: number,
  classes: number,
): GraphValue {
  const factors = emitPairFactors(graph, images, table, dimensions);
  const logits = graph.node(
    "Gemm",
    [
      factors.name,
      graph.initializer("weight", [classes, dimensions], weight),
      graph.initializer("bias", [classes], bias),
    ],
    [-1, classes],
    { transB: { int: 1 } },
  );
  return graph.node("Softmax", [logits.name], [-1, classes], { axis: { int: 1 } });
}

function savedWeights({ saved, options, classes }: FitRequest<PairsOptions>): {
  readonly table: Float32Array | undefined;
  readonly linear: Pick<Weights, "weight" | "bias"> | undefined;
} {
  const array = (name: keyof Weights, length: number): Float32Array | undefined => {
    const data = saved?.get(name);
    if (data === undefined) return undefined;
    if (data instanceof Float32Array && data.length === length && data.every(Number.isFinite)) return data;
    throw new FlowglyphError(
      "ERR_CHECKPOINT",
      `Expected the checkpoint to hold ${length} finite float32 numbers for ${name}`,
    );
  };
  const table = array("table", PAIRS * options.dimensions);
  const weight = array("weight", classes * options.dimensions);
  const bias = array("bias", classes);
  return { table, linear: table && weight && bias ? { weight, bias } : undefined };
}
