// A linear classifier: softmax(factors · weightᵀ + bias), here, in a checkpoint and in an ONNX graph.

import { setImmediate } from "node:timers/promises";
import { FlowglyphError } from "../../bindings/errors.ts";
import type { GraphBuilder, GraphValue } from "../onnx/graph.ts";
import { type FittedState, savedNumbers } from "./fitted.ts";

export interface LinearWeights {
  /** float32 [K, F] */
  readonly weight: Float32Array;
  /** float32 [K] */
  readonly bias: Float32Array;
}

// Rows whose probabilities are computed between two looks at the event loop.
const ROWS_AT_ONCE = 4096;

/**
 * @param features float32 [N, F]
 * @returns float32 [N, K]
 * @throws ERR_ABORTED
 */
export async function linearProbabilities(
  features: Float32Array,
  weights: LinearWeights,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const classes = weights.bias.length;
  const width = weights.weight.length / classes;
  const rows = features.length / width;
  const probabilities = new Float32Array(rows * classes);
  for (let row = 0; row < rows; row++) {
    if (row % ROWS_AT_ONCE === ROWS_AT_ONCE - 1) await setImmediate();
    if (signal?.aborted) throw new FlowglyphError("ERR_ABORTED", "Asking for probabilities was aborted");
    const own = features.subarray(row * width, (row + 1) * width);
    probabilities.set(softmax(logits(own, weights)), row * classes);
  }
  return probabilities;
}

function logits(features: Float32Array, { weight, bias }: LinearWeights): Float64Array {
  return Float64Array.from(bias, (offset, label) => {
    let sum = offset;
    for (let j = 0; j < features.length; j++) sum += weight[label * features.length + j]! * features[j]!;
    return sum;
  });
}

function softmax(scores: Float64Array): Float64Array {
  const greatest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - greatest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** float32 (N, F) -> probabilities float32 (N, K). */
export function emitLinear(
  graph: GraphBuilder,
  features: GraphValue,
  { weight, bias }: LinearWeights,
): GraphValue {
  const classes = bias.length;
  const scores = graph.node(
    "Gemm",
    [
      features.name,
      graph.initializer("weight", [classes, weight.length / classes], weight),
      graph.initializer("bias", [classes], bias),
    ],
    [-1, classes],
    { transB: { int: 1 } },
  );
  return graph.node("Softmax", [scores.name], [-1, classes], { axis: { int: 1 } });
}

/** @throws ERR_CHECKPOINT where `saved` holds a classifier of another size */
export function savedLinear(
  saved: FittedState | undefined,
  classes: number,
  features: number,
): LinearWeights | undefined {
  const weight = savedNumbers(saved, "weight", classes * features);
  const bias = savedNumbers(saved, "bias", classes);
  return weight && bias ? { weight, bias } : undefined;
}
