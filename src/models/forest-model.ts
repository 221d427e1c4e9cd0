// A grown forest as a model's part: what a checkpoint holds of it, and its nodes in an ONNX graph, a TreeEnsembleClassifier.

import { SHARE_PARTS } from "../../bindings/capture/forest.ts";
import { FlowglyphError } from "../../bindings/errors.ts";
import type { Trees } from "../evaluation/extra-trees.ts";
import { type Attributes, type GraphBuilder, type GraphValue, ML_DOMAIN } from "../onnx/graph.ts";
import type { FittedState } from "./fitted.ts";

const ARRAYS = ["sizes", "child", "test", "shares"] as const;

/** Greatest value of a feature, float32, that a node with this threshold, 0 to 255, sends left. */
export type Threshold = (feature: number, threshold: number) => number;

export const stateOfTrees = (forest: Trees): FittedState =>
  new Map(ARRAYS.map((name) => [name, forest[name]]));

/** What they hold is checked by the native code that reads them. */
export function savedTrees(state: FittedState, most: number): Trees {
  const array = (name: (typeof ARRAYS)[number]): Int32Array => {
    const data = state.get(name);
    if (data instanceof Int32Array) return data;
    throw new FlowglyphError("ERR_CHECKPOINT", `Expected the checkpoint to hold int32 values for ${name}`);
  };
  const [sizes, child, test, shares] = ARRAYS.map(array) as [Int32Array, Int32Array, Int32Array, Int32Array];
  if (sizes.length % 2 !== 0 || sizes.length / 2 > most) {
    throw new FlowglyphError("ERR_CHECKPOINT", `Expected a checkpoint of at most ${most} trees`);
  }
  return { sizes, child, test, shares };
}

/**
 * One TreeEnsembleClassifier (ai.onnx.ml 1) whose leaves weigh 1, or shares in 4096ths, so that the sums over all trees are
 * exact; then one division. The numbers are those of treeProbabilities, bit by bit.
 * @param features float32 (N, F)
 * @returns float32 (N, classes)
 */
export function emitForest(
  graph: GraphBuilder,
  features: GraphValue,
  forest: Trees,
  classes: number,
  threshold: Threshold,
): GraphValue {
  // Of two classes onnxruntime takes the ensemble for a binary one, with results of another kind: a third, which no leaf
  // votes for, keeps them sums.
  const named = Math.max(3, classes);
  const attributes = ensembleAttributes(forest, classes, named, threshold);
  // Its results are the class, which nobody asks for, and the sums (N, K).
  const sums = graph.foreignNode(
    ML_DOMAIN,
    "TreeEnsembleClassifier",
    [features.name],
    2,
    [-1, named],
    attributes,
  );
  const own =
    named === classes
      ? sums
      : graph.node(
          "Slice",
          [sums.name, graph.integers([0]), graph.integers([classes]), graph.integers([1])],
          [-1, classes],
        );
  return graph.node("Div", [own.name, graph.scalar(forest.sizes.length / 2)], [-1, classes]);
}

function ensembleAttributes(
  { sizes, child, test, shares }: Trees,
  classes: number,
  named: number,
  threshold: Threshold,
): Attributes {
  const trees: number[] = [];
  const numbers: number[] = [];
  const leaves = {
    trees: [] as number[],
    nodes: [] as number[],
    classes: [] as number[],
    weights: [] as number[],
  };
  let firstNode = 0;
  let firstMixed = 0;
  for (let tree = 0; tree < sizes.length / 2; tree++) {
    for (let node = 0; node < sizes[2 * tree]!; node++) {
      trees.push(tree);
      numbers.push(node);
      const kind = -1 - child[firstNode + node]!;
      if (kind < 0) continue;
      // With votes for one class alone onnxruntime takes the ensemble for a binary one, with results of another kind: so
      // the first leaf names every class.
      const all = leaves.trees.length === 0;
      for (let label = 0; label < classes; label++) {
        const mixed = (firstMixed + kind - classes) * classes + label;
        const weight = kind < classes ? Number(label === kind) : shares[mixed]! / SHARE_PARTS;
        if (weight === 0 && !all) continue;
        leaves.trees.push(tree);
        leaves.nodes.push(node);
        leaves.classes.push(label);
        leaves.weights.push(weight);
      }
    }
    firstNode += sizes[2 * tree]!;
    firstMixed += sizes[2 * tree + 1]!;
  }
  const inner = <T>(value: (at: number) => T, ofLeaf: T) =>
    Array.from(child, (left, at) => (left >= 0 ? value(at) : ofLeaf));
  return {
    nodes_treeids: { ints: trees },
    nodes_nodeids: { ints: numbers },
    nodes_featureids: { ints: inner((at) => test[at]! >> 8, 0) },
    nodes_values: { floats: inner((at) => threshold(test[at]! >> 8, test[at]! & 255), 0) },
    nodes_modes: { strings: inner(() => "BRANCH_LEQ", "LEAF") },
    nodes_truenodeids: { ints: inner((at) => child[at]!, 0) },
    nodes_falsenodeids: { ints: inner((at) => child[at]! + 1, 0) },
    class_treeids: { ints: leaves.trees },
    class_nodeids: { ints: leaves.nodes },
    class_ids: { ints: leaves.classes },
    class_weights: { floats: leaves.weights },
    classlabels_int64s: { ints: Array.from({ length: named }, (_, label) => label) },
    post_transform: { string: "NONE" },
  };
}
