// Two experts on a session: a linear classifier on what it shares with others (session-factors.ts), which few labels suffice
// for, and trees on its bytes and on the same factors, which see numbers in headers. A pool (pool.ts) weighs them against each
// other. Factors are learned twice: from all sessions, most of which have no label, and from the labelled ones alone, which
// the many would drown.

import { fitLogistic } from "../../bindings/capture/logistic.ts";
import { IMAGE_BYTES } from "../dataset/types.ts";
import { calibratedProbabilities, UNCALIBRATED } from "../evaluation/calibrator.ts";
import { growTrees, type Trees, treeProbabilities } from "../evaluation/extra-trees.ts";
import { crossFit, MOST_FOLDS } from "./cross-fit.ts";
import { learnTables, savedTables, stateOfTables } from "./factor-tables.ts";
import { factors } from "./factors.ts";
import { emitRelativeFactors, emitSums, emitUnitFactors } from "./factors-graph.ts";
import type { FitRequest, FittedModel, FittedRow, FittedState, PredictOptions } from "./fitted.ts";
import { emitForest, savedTrees, stateOfTrees } from "./forest-model.ts";
import { emitLinear, type LinearWeights, linearProbabilities, savedLinear } from "./linear.ts";
import { emitPool, type Pool, pooledScores, savedPool, stateOfPool, weighPool } from "./pool.ts";
import { type FactorTables, relativeFactors, sessionSums, unitFactors } from "./session-factors.ts";
import { reachOf, thresholdOf, treeFeatures } from "./tree-factors.ts";
import { emitBytes, trees } from "./trees.ts";

type ExpertsOptions = {
  readonly dimensions: number;
  readonly penalty: number;
  readonly sessions: number;
  readonly trees: number;
};

// Features that a node of a tree draws, of 784 bytes and 512 factors: their square root, 36, sees too few factors.
const TRIES = 100;
// Sessions that are answered at once: 7 kB each.
const ROWS_AT_ONCE = 8192;
const NO_OTHERS = { count: 0, take: () => new Uint8Array() };

export const experts: FittedRow<ExpertsOptions> = {
  name: "experts",
  description:
    "a linear classifier on what sessions share, and trees on that and on bytes, weighed against each other; seconds, no libtorch",
  options: { ...factors.options, trees: trees.options.trees },
  async fit(request) {
    const { classes, options, checkpoint, onProgress } = request;
    const done = new Map<string, FittedState>();
    const keep = (part: string, state: FittedState) => {
      done.set(part, state);
      return checkpoint(() => joined(done));
    };
    // Tables, the pool, the linear classifier and the trees: a quarter each.
    const progress = (quarter: number) => (now: number, all: number) =>
      onProgress(Math.round(25 * (quarter + now / all)), 100);

    const saved = (part: string) => partOf(request.saved, part);
    const tablesOf = async (part: string, seen: FitRequest<ExpertsOptions>) => {
      const tables = savedTables(saved(part), options.dimensions) ?? (await learnTables(seen, options));
      await keep(part, stateOfTables(tables));
      return tables;
    };
    const labelled = { ...request, unlabelled: NO_OTHERS };
    const all = request.unlabelled.count > 0 ? [await tablesOf("all", request)] : [];
    const own = await tablesOf("own", labelled);
    progress(0)(1, 1);
    const pool = savedPool(saved("pool"), classes) ?? (await weigh(labelled, all, progress(1)));
    await keep("pool", stateOfPool(pool));
    const tables = [...all, own];
    const trees = saved("trees");
    const pair = await fitPair(request, tables, {
      linear: savedLinear(saved("linear"), classes, widthOf(tables, options.dimensions)),
      trees: trees && savedTrees(trees, options.trees),
      onLinear(linear) {
        progress(2)(1, 1);
        return keep("linear", new Map(Object.entries(linear)));
      },
      onTrees: (grown) => keep("trees", stateOfTrees(grown)),
      onProgress: progress(3),
    });
    return expertsModel(pair, pool, classes);
  },
};

/** @param all of all sessions: no label goes into them, so that folds may share them; a fold's own are of its labelled ones */
async function weigh(
  request: FitRequest<ExpertsOptions>,
  all: readonly FactorTables[],
  onProgress: (done: number, all: number) => void,
): Promise<Pool> {
  const { classes, options } = request;
  let fitted = 0;
  const found = await crossFit(async (images, labels) => {
    const fold = { ...request, images, labels };
    const pair = await fitPair(fold, [...all, await learnTables(fold, options)]);
    onProgress(++fitted, MOST_FOLDS);
    return (asked) => answersOf(pair, asked, request);
  }, request);
  return weighPool(found, classes);
}

/** Kinds of factors: of pairs and of places, from each table. */
const widthOf = (tables: readonly FactorTables[], dimensions: number) => 2 * tables.length * dimensions;

/** Both experts and what they stand on. */
interface Pair {
  readonly tables: readonly FactorTables[];
  readonly dimensions: number;
  readonly linear: LinearWeights;
  readonly trees: Trees;
  /** float32 [width]: tree-factors.ts. */
  readonly reach: Float32Array;
}

interface PairOptions {
  readonly linear?: LinearWeights | undefined;
  readonly trees?: Trees | undefined;
  readonly onLinear?: (linear: LinearWeights) => Promise<void>;
  readonly onTrees?: (grown: Trees) => Promise<void>;
  readonly onProgress?: (done: number, all: number) => void;
}

async function fitPair(
  request: FitRequest<ExpertsOptions>,
  tables: readonly FactorTables[],
  { linear, trees, onLinear, onTrees, onProgress }: PairOptions = {},
): Promise<Pair> {
  const { images, labels, classes, seed, options, threads, signal } = request;
  const { dimensions, penalty } = options;
  const sums = await sessionSums(images, tables, { dimensions, threads, signal });
  const { weight, bias } =
    linear ??
    (await fitLogistic(unitFactors(sums, dimensions), labels, { classes, penalty, threads, signal }));
  await onLinear?.({ weight, bias });
  const relative = relativeFactors(sums, dimensions);
  const reach = reachOf(relative, widthOf(tables, dimensions));
  const grown = await growTrees(treeFeatures(images, relative, reach), labels, {
    classes,
    seed: Math.abs(seed),
    trees: options.trees,
    tries: TRIES,
    threads,
    signal,
    grown: trees,
    onTrees,
    onProgress: (count) => onProgress?.(count, options.trees),
  });
  return { tables, dimensions, linear: { weight, bias }, trees: grown, reach };
}

/** Probabilities float32 [N, K] of the linear classifier and of the trees. */
async function answersOf(
  pair: Pair,
  images: Uint8Array,
  options: PredictOptions,
): Promise<readonly [linear: Float32Array, forest: Float32Array]> {
  const classes = pair.linear.bias.length;
  const rows = images.length / IMAGE_BYTES;
  const [ofLinear, ofForest] = [new Float32Array(rows * classes), new Float32Array(rows * classes)];
  for (let from = 0; from < rows; from += ROWS_AT_ONCE) {
    const some = images.subarray(from * IMAGE_BYTES, (from + ROWS_AT_ONCE) * IMAGE_BYTES);
    const { linear, forest } = await answersAtOnce(pair, some, options);
    ofLinear.set(linear, from * classes);
    ofForest.set(forest, from * classes);
  }
  return [ofLinear, ofForest];
}

async function answersAtOnce(
  { tables, dimensions, linear, trees, reach }: Pair,
  images: Uint8Array,
  { threads, signal }: PredictOptions,
): Promise<{ readonly linear: Float32Array; readonly forest: Float32Array }> {
  const sums = await sessionSums(images, tables, { dimensions, threads, signal });
  const features = treeFeatures(images, relativeFactors(sums, dimensions), reach);
  const options = { classes: linear.bias.length, threads, signal };
  return {
    linear: await linearProbabilities(unitFactors(sums, dimensions), linear, signal),
    forest: await treeProbabilities(trees, features, IMAGE_BYTES + reach.length, options),
  };
}

function expertsModel(pair: Pair, pool: Pool, classes: number): FittedModel {
  const { tables, dimensions, linear, trees, reach } = pair;
  // Those of the labelled sessions come last, alone where there were no others.
  const parts = ["all", "own"].slice(-tables.length);
  return {
    classes,
    heldOut: pool.heldOut,
    async predict(images, options = {}) {
      const [ofLinear, ofForest] = await answersOf(pair, images, options);
      return calibratedProbabilities(pooledScores(ofLinear, ofForest, pool.share), classes, UNCALIBRATED);
    },
    emit(graph, images) {
      const sums = emitSums(graph, images, tables, dimensions);
      const features = graph.node(
        "Concat",
        [emitBytes(graph, images).name, emitRelativeFactors(graph, sums).name],
        [-1, IMAGE_BYTES + reach.length],
        { axis: { int: 1 } },
      );
      return emitPool(
        graph,
        emitLinear(graph, emitUnitFactors(graph, sums), linear),
        emitForest(graph, features, trees, classes, thresholdOf(reach)),
        pool.share,
      );
    },
    state: () =>
      joined(
        new Map([
          ...parts.map((part, i) => [part, stateOfTables(tables[i]!)] as const),
          ["pool", stateOfPool(pool)],
          ["linear", new Map(Object.entries(linear))],
          ["trees", stateOfTrees(trees)],
        ]),
      ),
  };
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
