// Logistic regression on what sessions have in common: factors learned from all sessions without labels
// (session-factors.ts), and a linear classifier learned from the labelled ones (native/core/logistic).

import { fitLogistic } from "../../bindings/capture/logistic.ts";
import { MAX_DIMENSIONS, MAX_FIT_SESSIONS } from "../../bindings/capture/words.ts";
import { learnTables, savedTables, stateOfTables } from "./factor-tables.ts";
import { emitSums, emitUnitFactors } from "./factors-graph.ts";
import type { FitRequest, FittedModel, FittedRow, FittedState } from "./fitted.ts";
import { emitLinear, type LinearWeights, linearProbabilities, savedLinear } from "./linear.ts";
import { type FactorTables, sessionSums, unitFactors } from "./session-factors.ts";

type FactorsOptions = {
  readonly dimensions: number;
  readonly penalty: number;
  readonly sessions: number;
};

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
    const tables = saved.tables ?? (await learnTables(request, options));
    onProgress(1, 2);
    await checkpoint(() => stateOfTables(tables));
    const { weight, bias } =
      saved.linear ??
      (await fitLogistic(
        unitFactors(await sessionSums(images, [tables], { dimensions, threads, signal }), dimensions),
        labels,
        { classes, penalty, threads, signal },
      ));
    onProgress(2, 2);
    return factorsModel(tables, { weight, bias }, dimensions, classes);
  },
};

function factorsModel(
  tables: FactorTables,
  weights: LinearWeights,
  dimensions: number,
  classes: number,
): FittedModel {
  return {
    classes,
    async predict(images, options) {
      const sums = await sessionSums(images, [tables], { ...options, dimensions });
      return linearProbabilities(unitFactors(sums, dimensions), weights, options?.signal);
    },
    emit(graph, images) {
      const sums = emitSums(graph, images, [tables], dimensions);
      return emitLinear(graph, emitUnitFactors(graph, sums), weights);
    },
    state: (): FittedState => new Map([...stateOfTables(tables), ...Object.entries(weights)]),
    unlabelledState: () => stateOfTables(tables),
  };
}

function savedWeights({ saved, options, classes }: FitRequest<FactorsOptions>): {
  readonly tables: FactorTables | undefined;
  readonly linear: LinearWeights | undefined;
} {
  const tables = savedTables(saved, options.dimensions);
  const linear = savedLinear(saved, classes, 2 * options.dimensions);
  return { tables, linear: tables && linear };
}
