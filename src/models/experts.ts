// Two experts on a session: the linear classifier on what it shares with others (factors.ts), which few labels suffice for,
// and trees on its bytes (trees.ts), which see numbers in headers. Their logarithms are added, by shares that are learned from
// labelled sessions that neither had learned from: a logarithmic opinion pool (Genest and Zidek, Statistical Science 1, 1986).

import { FlowglyphError } from "../../bindings/errors.ts";
import { calibratedProbabilities, fitCalibrator, UNCALIBRATED } from "../evaluation/calibrator.ts";
import type { GraphValue } from "../onnx/graph.ts";
import { crossFit } from "./cross-fit.ts";
import { factors } from "./factors.ts";
import type { FitRequest, FittedModel, FittedRow, FittedState, HeldOut } from "./fitted.ts";
import { trees } from "./trees.ts";

type ExpertsOptions = {
  readonly dimensions: number;
  readonly penalty: number;
  readonly sessions: number;
  readonly trees: number;
};

// Added to the probabilities of trees, which vote and may leave a class without a vote: none is ruled out by them alone.
const NO_VOTE = 0.01;
// Less than any probability that the linear classifier gives and float32 holds well.
const LEAST = 1e-30;
// Shares of the linear classifier that are tried.
const SHARES = Array.from({ length: 19 }, (_, i) => (i + 1) / 20);
// What is thought of the temperature while shares are compared: little.
const PRIOR = { mean: 0, deviation: 1 };

export const experts: FittedRow<ExpertsOptions> = {
  name: "experts",
  description:
    "a linear classifier on factors that are learned from all sessions, and trees on the bytes, weighed against each other; seconds, no libtorch",
  options: { ...factors.options, trees: trees.options.trees },
  async fit(request) {
    const { classes, onProgress } = request;
    const { trees: count, ...ofFactors } = request.options;
    const ofTrees = { ...DEFAULT_TREES, trees: count };
    const done = new Map<string, FittedState>();
    const part = (name: string) => partOf(request.saved, name);
    const keep = (name: string) => async (state: () => FittedState) =>
      request.checkpoint(() => joined(new Map([...done, [name, state()]])));
    // The linear classifier, what both say of rows that they have not learned from, and the trees: a third each.
    const progress = (third: number) => (now: number, all: number) => onProgress(third + now / all, 3);

    const linear = await factors.fit({
      ...request,
      options: ofFactors,
      saved: part("factors"),
      onProgress: progress(0),
      checkpoint: keep("factors"),
    });
    done.set("factors", linear.state());
    const pooled = savedPool(part("pool"), classes) ?? (await weigh(request, ofFactors, ofTrees, linear));
    done.set("pool", stateOfPool(pooled));
    progress(1)(1, 1);
    const forest = await trees.fit({
      ...request,
      options: ofTrees,
      saved: part("trees"),
      onProgress: progress(2),
      checkpoint: keep("trees"),
    });
    return expertsModel(linear, forest, pooled, classes);
  },
};

type OptionsOf<Row> = Row extends FittedRow<infer Options> ? Options : never;

/** Of what is no option here. */
const DEFAULT_TREES: OptionsOf<typeof trees> = {
  trees: trees.options.trees.default,
  tries: trees.options.tries.default,
  constants: trees.options.constants.default,
};

interface Pool {
  /** Of the linear classifier, above 0 and below 1; the trees have the rest. */
  readonly share: number;
  /** What the pool says of labelled rows that neither expert had learned from. */
  readonly heldOut: HeldOut;
}

async function weigh(
  request: FitRequest<ExpertsOptions>,
  ofFactors: OptionsOf<typeof factors>,
  ofTrees: OptionsOf<typeof trees>,
  linear: FittedModel,
): Promise<Pool> {
  const { classes } = request;
  const ofLinear = await crossFit(factors as FittedRow, {
    ...request,
    options: ofFactors,
    saved: linear.unlabelledState?.(),
  });
  const ofForest = await crossFit(trees as FittedRow, { ...request, options: ofTrees, saved: undefined });
  const { labels } = ofLinear; // the same rows in the same order: folds are of the seed alone
  const scoresOf = (share: number) => pooledScores(ofLinear.probabilities, ofForest.probabilities, share);
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
function pooledScores(linear: Float32Array, forest: Float32Array, share: number): Float32Array {
  return linear.map(
    (probability, i) =>
      share * Math.log(Math.max(LEAST, probability)) + (1 - share) * Math.log(forest[i]! + NO_VOTE),
  );
}

function expertsModel(linear: FittedModel, forest: FittedModel, pool: Pool, classes: number): FittedModel {
  const { share, heldOut } = pool;
  return {
    classes,
    heldOut,
    async predict(images, options) {
      const scores = pooledScores(
        await linear.predict(images, options),
        await forest.predict(images, options),
        share,
      );
      return calibratedProbabilities(scores, classes, UNCALIBRATED);
    },
    emit(graph, images) {
      const shape = [-1, classes];
      const logarithm = (value: GraphValue, weight: number) =>
        graph.node("Mul", [graph.node("Log", [value.name], shape).name, graph.scalar(weight)], shape).name;
      const bounded = graph.node("Max", [linear.emit(graph, images).name, graph.scalar(LEAST)], shape);
      const voted = graph.node("Add", [forest.emit(graph, images).name, graph.scalar(NO_VOTE)], shape);
      const sum = graph.node("Add", [logarithm(bounded, share), logarithm(voted, 1 - share)], shape);
      return graph.node("Softmax", [sum.name], shape, { axis: { int: 1 } });
    },
    state: () =>
      joined(
        new Map([
          ["factors", linear.state()],
          ["pool", stateOfPool(pool)],
          ["trees", forest.state()],
        ]),
      ),
    unlabelledState: () => joined(new Map([["factors", linear.unlabelledState?.() ?? new Map()]])),
  };
}

const stateOfPool = ({ share, heldOut }: Pool): FittedState =>
  new Map<string, Float32Array | Int32Array>([
    ["share", Float32Array.of(share)],
    ["labels", heldOut.labels],
    ["scores", heldOut.scores],
  ]);

function savedPool(state: FittedState | undefined, classes: number): Pool | undefined {
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

function joined(parts: ReadonlyMap<string, FittedState>): FittedState {
  return new Map(
    [...parts].flatMap(([part, state]) =>
      [...state].map(([name, data]) => [`${part}/${name}`, data] as const),
    ),
  );
}

function partOf(saved: FittedState | undefined, part: string): FittedState | undefined {
  const own = [...(saved ?? [])].filter(([name]) => name.startsWith(`${part}/`));
  if (own.length === 0) return undefined;
  return new Map(own.map(([name, data]) => [name.slice(part.length + 1), data]));
}
