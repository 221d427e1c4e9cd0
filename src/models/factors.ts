// Logistic regression on what sessions have in common: factors learned from all sessions without labels
// (session-factors.ts), and a linear classifier learned from the labelled ones (native/core/logistic).

import { setImmediate } from "node:timers/promises";
import { fitLogistic } from "../../bindings/capture/logistic.ts";
import { MAX_DIMENSIONS, MAX_FIT_SESSIONS, WORDS } from "../../bindings/capture/pairs.ts";
import { FlowglyphError } from "../../bindings/errors.ts";
import { seededRandom, shuffle } from "../dataset/random.ts";
import { IMAGE_BYTES } from "../dataset/types.ts";
import type { GraphBuilder, GraphValue } from "../onnx/graph.ts";
import { emitFactors } from "./factors-graph.ts";
import type { FitRequest, FittedModel, FittedRow, FittedState } from "./fitted.ts";
import { type FactorTables, fitTables, HEAD, sessionFactors } from "./session-factors.ts";

type FactorsOptions = {
  readonly dimensions: number;
  readonly penalty: number;
  readonly sessions: number;
};

interface Weights extends FactorTables {
  /** float32 [classes, 2 dimensions] */
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

export const factors: FittedRow<FactorsOptions> = {
  name: "factors",
  description:
    "logistic regression on factors of byte pairs and of first bytes, which are learned from all sessions, labelled or not; seconds, and strong with few labels",
  options: {
    dimensions: {
      default: 128,
      about: "factors of a session of each kind; the model grows with them",
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
    const tables = saved.tables ?? (await learnTables(request));
    onProgress(1, 2);
    await checkpoint(() => new Map(Object.entries(tables)));
    const linear =
      saved.linear ??
      (await fitLogistic(await sessionFactors(images, tables, { threads, signal }), labels, {
        classes,
        penalty,
        threads,
        signal,
      }));
    onProgress(2, 2);
    return factorsModel({ ...tables, weight: linear.weight, bias: linear.bias }, dimensions, classes);
  },
};

async function learnTables(request: FitRequest<FactorsOptions>): Promise<FactorTables> {
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
  return fitTables(all, Uint32Array.from(rows.keys()), {
    dimensions,
    seed: Math.abs(seed),
    threads,
    signal,
  });
}

function factorsModel(weights: Weights, dimensions: number, classes: number): FittedModel {
  const { pairs, places, weight, bias } = weights;
  const width = 2 * dimensions;
  return {
    classes,
    async predict(images, { threads, signal } = {}) {
      const factors = await sessionFactors(images, weights, { threads, signal });
      const rows = factors.length / width;
      const probabilities = new Float32Array(rows * classes);
      for (let row = 0; row < rows; row++) {
        if (row % ROWS_AT_ONCE === ROWS_AT_ONCE - 1) await setImmediate();
        if (signal?.aborted) throw new FlowglyphError("ERR_ABORTED", "Asking for probabilities was aborted");
        const own = factors.subarray(row * width, (row + 1) * width);
        probabilities.set(softmax(linear(own, weight, bias)), row * classes);
      }
      return probabilities;
    },
    emit: (graph, images) => emitClassifier(graph, images, weights, dimensions, classes),
    state: (): FittedState => new Map(Object.entries(weights)),
    unlabelledState: (): FittedState => new Map(Object.entries({ pairs, places })),
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

function emitClassifier(
  graph: GraphBuilder,
  images: GraphValue,
  { pairs, places, weight, bias }: Weights,
  dimensions: number,
  classes: number,
): GraphValue {
  const width = 2 * dimensions;
  const kinds = [
    emitFactors(graph, images, pairs, dimensions),
    emitFactors(graph, images, places, dimensions, HEAD),
  ];
  const factors = graph.node(
    "Concat",
    kinds.map(({ name }) => name),
    [-1, width],
    { axis: { int: 1 } },
  );
  const logits = graph.node(
    "Gemm",
    [
      factors.name,
      graph.initializer("weight", [classes, width], weight),
      graph.initializer("bias", [classes], bias),
    ],
    [-1, classes],
    { transB: { int: 1 } },
  );
  return graph.node("Softmax", [logits.name], [-1, classes], { axis: { int: 1 } });
}

function savedWeights({ saved, options, classes }: FitRequest<FactorsOptions>): {
  readonly tables: FactorTables | undefined;
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
  const pairs = array("pairs", WORDS * options.dimensions);
  const places = array("places", WORDS * options.dimensions);
  const weight = array("weight", classes * 2 * options.dimensions);
  const bias = array("bias", classes);
  const tables = pairs && places ? { pairs, places } : undefined;
  return { tables, linear: tables && weight && bias ? { weight, bias } : undefined };
}
