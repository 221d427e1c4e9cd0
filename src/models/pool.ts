// A logarithmic opinion pool (Genest and Zidek, Statistical Science 1, 1986) of a linear classifier and of trees: their
// logarithms are added, by shares that are learned from labelled sessions that neither had learned from.

import { FlowglyphError } from "../../bindings/errors.ts";
import { calibratedProbabilities, fitCalibrator } from "../evaluation/calibrator.ts";
import type { GraphBuilder, GraphValue } from "../onnx/graph.ts";
import type { CrossFit } from "./cross-fit.ts";
import type { FittedState, HeldOut } from "./fitted.ts";

// Added to the probabilities of trees, which vote and may leave a class without a vote: none is ruled out by them alone.
const NO_VOTE = 0.01;
// Less than any probability that the linear classifier gives and float32 holds well.
const LEAST = 1e-30;
// Shares of the linear classifier that are tried.
const SHARES = Array.from({ length: 19 }, (_, i) => (i + 1) / 20);
// What is thought of the temperature while shares are compared: little.
const PRIOR = { mean: 0, deviation: 1 };

export interface Pool {
  /** Of the linear classifier, above 0 and below 1; the trees have the rest. */
  readonly share: number;
  /** What the pool says of labelled rows that neither had learned from. */
  readonly heldOut: HeldOut;
}

/**
 * The share that makes the labels of held-out rows likeliest.
 * @param answers of the linear classifier and of the trees
 */
export function weighPool({ labels, answers }: CrossFit, classes: number): Pool {
  const [linear, forest] = answers.length === 2 ? answers : [new Float32Array(), new Float32Array()];
  const scoresOf = (share: number) => pooledScores(linear!, forest!, share);
  let best = { share: 0.5, loss: Number.POSITIVE_INFINITY };
  for (const share of SHARES) {
    const scores = scoresOf(share);
    const calibrator = fitCalibrator(scores, labels, classes, { prior: PRIOR, chance: false });
    const probabilities = calibratedProbabilities(scores, classes, calibrator);
    // As if one row had been answered by each alone: with few rows, neither is believed whole.
    let loss = -Math.log(share) - Math.log(1 - share);
    for (const [row, label] of labels.entries())
      loss -= Math.log(Math.max(LEAST, probabilities[row * classes + label]!));
    if (loss < best.loss) best = { share, loss };
  }
  // Float32, as the model's state and graph hold it.
  const share = Math.fround(best.share);
  return { share, heldOut: { labels, scores: scoresOf(share), classes } };
}

/** share * ln(linear) + (1 - share) * ln(forest), of probabilities [N, K]. */
export function pooledScores(linear: Float32Array, forest: Float32Array, share: number): Float32Array {
  return linear.map(
    (probability, i) =>
      share * Math.log(Math.max(LEAST, probability)) + (1 - share) * Math.log(forest[i]! + NO_VOTE),
  );
}

/** The same of values (N, K) of a graph, as probabilities. */
export function emitPool(
  graph: GraphBuilder,
  linear: GraphValue,
  forest: GraphValue,
  share: number,
): GraphValue {
  const { shape } = linear;
  const logarithm = (value: GraphValue, weight: number) =>
    graph.node("Mul", [graph.node("Log", [value.name], shape).name, graph.scalar(weight)], shape).name;
  const bounded = graph.node("Max", [linear.name, graph.scalar(LEAST)], shape);
  const voted = graph.node("Add", [forest.name, graph.scalar(NO_VOTE)], shape);
  const sum = graph.node("Add", [logarithm(bounded, share), logarithm(voted, 1 - share)], shape);
  return graph.node("Softmax", [sum.name], shape, { axis: { int: 1 } });
}

export const stateOfPool = ({ share, heldOut }: Pool): FittedState =>
  new Map<string, Float32Array | Int32Array>([
    ["share", Float32Array.of(share)],
    ["labels", heldOut.labels],
    ["scores", heldOut.scores],
  ]);

/** @throws ERR_CHECKPOINT where `state` holds something else */
export function savedPool(state: FittedState | undefined, classes: number): Pool | undefined {
  const [share, labels, scores] = ["share", "labels", "scores"].map((name) => state?.get(name));
  if (share === undefined) return undefined;
  if (
    share instanceof Float32Array &&
    labels instanceof Int32Array &&
    scores instanceof Float32Array &&
    share[0]! > 0 &&
    share[0]! < 1 &&
    scores.length === labels.length * classes &&
    labels.every((label) => label >= 0 && label < classes)
  ) {
    return { share: share[0]!, heldOut: { labels, scores, classes } };
  }
  throw new FlowglyphError(
    "ERR_CHECKPOINT",
    "Expected the checkpoint to hold a share between 0 and 1 and scores of held-out rows",
  );
}
