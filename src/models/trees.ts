// Extremely randomised trees on the bytes of the images: native/core/forest grows them, ONNX's TreeEnsembleClassifier holds
// them.

import { MAX_TREES, SHARE_PARTS } from "../../bindings/capture/forest.ts";
import { FlowglyphError } from "../../bindings/errors.ts";
import { IMAGE_BYTES } from "../dataset/types.ts";
import { growTrees, type Trees, treeProbabilities } from "../evaluation/extra-trees.ts";
import { type Attributes, type GraphBuilder, type GraphValue, ML_DOMAIN } from "../onnx/graph.ts";
import { ELEMENT } from "../onnx/proto.ts";
import type { FittedModel, FittedRow, FittedState } from "./fitted.ts";

type TreesOptions = {
  readonly trees: number;
  readonly tries: number;
  readonly constants: "counted" | "skipped";
};

const ARRAYS = ["sizes", "child", "test", "shares"] as const;

const wholeNumber = (most: number) => (value: unknown) =>
  Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= most;

export const trees: FittedRow<TreesOptions> = {
  name: "trees",
  description:
    "extremely randomised trees on the bytes, grown until their leaves are pure; learns from labels alone",
  options: {
    trees: {
      default: 200,
      about: "number of trees; more are steadier, and the model grows with them",
      expected: `a whole number from 1 to ${MAX_TREES}`,
      check: wholeNumber(MAX_TREES),
    },
    tries: {
      default: Math.floor(Math.sqrt(IMAGE_BYTES)),
      about: "features that a node draws, the square root of 784 as is usual; more fit closer and vary less",
      expected: `a whole number from 1 to ${IMAGE_BYTES}`,
      check: wholeNumber(IMAGE_BYTES),
    },
    constants: {
      default: "skipped",
      about:
        "whether drawn features with one value in a node are skipped for others, or count as tried, scikit-learn's rule: up to 4 points worse on images with much zero padding",
      expected: "counted or skipped",
      check: (value) => value === "counted" || value === "skipped",
    },
  },
  async fit({ images, labels, classes, seed, options, threads, signal, saved, onProgress, checkpoint }) {
    const grown = await growTrees(images, labels, {
      classes,
      seed,
      ...options,
      threads,
      signal,
      grown: saved === undefined || saved.size === 0 ? undefined : savedTrees(saved, options.trees),
      onProgress: (done) => onProgress(done, options.trees),
      onTrees: (soFar) => checkpoint(() => stateOf(soFar)),
    });
    return forestModel(grown, classes);
  },
};

function forestModel(forest: Trees, classes: number): FittedModel {
  return {
    classes,
    predict: (images, { threads, signal } = {}) =>
      treeProbabilities(forest, images, IMAGE_BYTES, { classes, threads, signal }),
    emit: (graph, images) => emitForest(graph, images, forest, classes),
    state: () => stateOf(forest),
  };
}

const stateOf = (forest: Trees): FittedState => new Map(ARRAYS.map((name) => [name, forest[name]]));

/** What they hold is checked by the native code that reads them. */
function savedTrees(state: FittedState, most: number): Trees {
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
 * exact; then one division. The numbers are those of `predict`, bit by bit.
 */
function emitForest(graph: GraphBuilder, images: GraphValue, forest: Trees, classes: number): GraphValue {
  const flat = graph.integers([-1, IMAGE_BYTES]);
  const bytes = graph.node("Reshape", [images.name, flat], [-1, IMAGE_BYTES], {}, "uint8");
  const features = graph.node("Cast", [bytes.name], [-1, IMAGE_BYTES], { to: { int: ELEMENT.float32 } });
  // Of two classes onnxruntime takes the ensemble for a binary one, with results of another kind: a third, which no leaf
  // votes for, keeps them sums.
  const named = Math.max(3, classes);
  const attributes = ensembleAttributes(forest, classes, named);
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
    nodes_values: { floats: inner((at) => test[at]! & 255, 0) },
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
