// Extremely randomised trees on the bytes of the images: native/core/forest grows them, forest-model.ts writes them.

import { MAX_TREES } from "../../bindings/capture/forest.ts";
import { IMAGE_BYTES } from "../dataset/types.ts";
import { growTrees, type Trees, treeProbabilities } from "../evaluation/extra-trees.ts";
import type { GraphBuilder, GraphValue } from "../onnx/graph.ts";
import { ELEMENT } from "../onnx/proto.ts";
import { emitFlat } from "../onnx/words.ts";
import type { FittedModel, FittedRow } from "./fitted.ts";
import { emitForest, savedTrees, stateOfTrees } from "./forest-model.ts";

type TreesOptions = {
  readonly trees: number;
  readonly tries: number;
  readonly constants: "counted" | "skipped";
};

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
      onTrees: (soFar) => checkpoint(() => stateOfTrees(soFar)),
    });
    return forestModel(grown, classes);
  },
};

function forestModel(forest: Trees, classes: number): FittedModel {
  return {
    classes,
    predict: (images, { threads, signal } = {}) =>
      treeProbabilities(forest, images, IMAGE_BYTES, { classes, threads, signal }),
    emit: (graph, images) => emitForest(graph, emitBytes(graph, images), forest, classes, (_, byte) => byte),
    state: () => stateOfTrees(forest),
  };
}

/** uint8 (N, 28, 28) -> float32 (N, 784), as they are. */
export function emitBytes(graph: GraphBuilder, images: GraphValue): GraphValue {
  const bytes = emitFlat(graph, images);
  return graph.node("Cast", [bytes.name], bytes.shape, { to: { int: ELEMENT.float32 } });
}
