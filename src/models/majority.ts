// The class shares of the training labels, whatever the image: what a score is worth nothing without beating.

import { IMAGE_BYTES } from "../dataset/types.ts";
import type { FittedModel, FittedRow } from "./fitted.ts";

type NoOptions = { readonly [name: string]: never };

export const majority: FittedRow<NoOptions> = {
  name: "majority",
  description:
    "the class shares of the training labels for every image: its verdict is the most frequent class",
  options: {},
  calibrated: true, // frequencies as counted
  async fit({ labels, classes, onProgress }): Promise<FittedModel> {
    const counts = new Float64Array(classes);
    for (const label of labels) counts[label]!++;
    const shares = Float32Array.from(counts, (count) => count / labels.length); // (K)
    onProgress(1, 1);
    return {
      classes,
      async predict(images) {
        const probabilities = new Float32Array((images.length / IMAGE_BYTES) * classes);
        for (let start = 0; start < probabilities.length; start += classes) probabilities.set(shares, start);
        return probabilities;
      },
      emit(graph, images) {
        // (N, 28, 28) -> its shape -> N -> (N, K): the bytes are never looked at.
        const shape = graph.node("Shape", [images.name], [3], {}, "int64");
        const batch = graph.node(
          "Slice",
          [shape.name, graph.integers([0]), graph.integers([1])],
          [1],
          {},
          "int64",
        );
        const wanted = graph.node(
          "Concat",
          [batch.name, graph.integers([classes])],
          [2],
          { axis: { int: 0 } },
          "int64",
        );
        const weights = graph.initializer("shares", [1, classes], shares);
        return graph.node("Expand", [weights, wanted.name], [-1, classes]);
      },
      state: () => new Map(),
    };
  },
};
