// The nearest training image by Euclidean distance on bytes, exactly: the smallest row of equally near ones.

import { setImmediate } from "node:timers/promises";
import { FlowglyphError } from "../../bindings/errors.ts";
import { IMAGE_BYTES } from "../dataset/types.ts";
import { nearestNeighbours } from "../evaluation/nearest-neighbour.ts";
import type { GraphBuilder, GraphValue } from "../onnx/graph.ts";
import { ELEMENT } from "../onnx/proto.ts";
import type { FittedModel, FittedRow } from "./fitted.ts";

type NoOptions = { readonly [name: string]: never };

// Training images that a node of the graph compares with at once: what onnxruntime holds for N images is N times as many
// int32, a few times over.
const CHUNK = 4096;

export const nearest: FittedRow<NoOptions> = {
  name: "nearest",
  description:
    "the label of the nearest training image, by Euclidean distance on the bytes; holds every training image",
  options: {},
  async fit({ images, labels, classes, onProgress }): Promise<FittedModel> {
    onProgress(1, 1);
    return {
      classes,
      async predict(asked, { signal } = {}) {
        const pause = async () => {
          await setImmediate();
          if (signal?.aborted) {
            throw new FlowglyphError("ERR_ABORTED", "Looking for neighbours was aborted", {
              cause: signal.reason,
            });
          }
        };
        const rows = await nearestNeighbours(images, asked, IMAGE_BYTES, { pause });
        const probabilities = new Float32Array(rows.length * classes);
        for (const [i, row] of rows.entries()) probabilities[i * classes + labels[row]!] = 1;
        return probabilities;
      },
      emit: (graph, asked) => emitNearest(graph, asked, images, labels, classes),
      // The images are the model, and they come with the dataset.
      state: () => new Map(),
    };
  },
};

/**
 * |a - b|^2 = |a|^2 + |b|^2 - 2 a b; |a|^2 is the same for all b and left out. All in integers: a b and |b|^2 are at most
 * 784 x 255^2, below 2^26, so the sums stay within int32, and no distance is rounded. ArgMin gives the first of equal ones,
 * within a chunk and then among the chunks: the smallest row.
 */
function emitNearest(
  graph: GraphBuilder,
  asked: GraphValue,
  images: Uint8Array,
  labels: Int32Array,
  classes: number,
): GraphValue {
  const flat = graph.integers([-1, IMAGE_BYTES]);
  const a = graph.node("Reshape", [asked.name, flat], [-1, IMAGE_BYTES], {}, "uint8").name;
  const nearestOf = (first: number, rows: number) => {
    const b = images.subarray(first * IMAGE_BYTES, (first + rows) * IMAGE_BYTES);
    const columns = graph.initializer("images", [IMAGE_BYTES, rows], transpose(b, rows));
    const lengths = graph.initializer("squared_lengths", [1, rows], squaredLengths(b, rows));
    const products = graph.node("MatMulInteger", [a, columns], [-1, rows], {}, "int32"); // (N, rows)
    const two = graph.initializer("two", [], Int32Array.of(2));
    const doubled = graph.node("Mul", [products.name, two], [-1, rows], {}, "int32");
    const distances = graph.node("Sub", [lengths, doubled.name], [-1, rows], {}, "int32");
    const place = graph.node("ArgMin", [distances.name], [-1, 1], { axis: { int: 1 } }, "int64");
    const least = graph.node("ReduceMin", [distances.name], [-1, 1], { axes: { ints: [1] } }, "int32");
    const row = graph.node("Add", [place.name, graph.integers(first)], [-1, 1], {}, "int64");
    return { least: least.name, row: row.name };
  };
  const chunks: { least: string; row: string }[] = [];
  for (let first = 0; first < labels.length; first += CHUNK) {
    chunks.push(nearestOf(first, Math.min(CHUNK, labels.length - first)));
  }
  const join = (names: string[], element: "int32" | "int64") =>
    graph.node("Concat", names, [-1, chunks.length], { axis: { int: 1 } }, element).name;
  const leasts = join(
    chunks.map(({ least }) => least),
    "int32",
  );
  const rows = join(
    chunks.map(({ row }) => row),
    "int64",
  );
  const chunk = graph.node("ArgMin", [leasts], [-1, 1], { axis: { int: 1 } }, "int64");
  const row = graph.node("GatherElements", [rows, chunk.name], [-1, 1], { axis: { int: 1 } }, "int64");
  const row1 = graph.node("Reshape", [row.name, graph.integers([-1])], [-1], {}, "int64");
  const known = graph.initializer("labels", [labels.length], labels);
  const label = graph.node("Gather", [known, row1.name], [-1], { axis: { int: 0 } }, "int32");
  const index = graph.node("Cast", [label.name], [-1], { to: { int: ELEMENT.int64 } }, "int64");
  const offOn = graph.initializer("off_on", [2], Float32Array.of(0, 1));
  return graph.node("OneHot", [index.name, graph.integers(classes), offOn], [-1, classes], {
    axis: { int: -1 },
  });
}

/** uint8 [rows, 784] -> [784, rows], as MatMulInteger wants its right side. */
function transpose(images: Uint8Array, rows: number): Uint8Array {
  const columns = new Uint8Array(images.length);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < IMAGE_BYTES; k++) columns[k * rows + row] = images[row * IMAGE_BYTES + k]!;
  }
  return columns;
}

function squaredLengths(images: Uint8Array, rows: number): Int32Array {
  return Int32Array.from({ length: rows }, (_, row) =>
    images.subarray(row * IMAGE_BYTES, (row + 1) * IMAGE_BYTES).reduce((sum, byte) => sum + byte * byte, 0),
  );
}
