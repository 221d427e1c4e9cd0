// Factors of byte pairs as nodes of an ONNX graph: what native/core/pairs computes, from the same table.

import { IMAGE_BYTES } from "../dataset/types.ts";
import type { GraphBuilder, GraphValue } from "../onnx/graph.ts";
import { ELEMENT } from "../onnx/proto.ts";

// Neighbouring bytes whose vectors are gathered at once. What onnxruntime gathers for N images it holds as N x POSITIONS x
// dimensions floats, and then sums it up: the fewer, the less memory, and the more of it stays near.
const POSITIONS = 49;
// Sums of no known pair are 0, and stay 0 over this.
const LEAST_LENGTH = 2 ** -100;
const PAIRS_OF_IMAGE = IMAGE_BYTES - 1;

/**
 * images uint8 (N, 28, 28) -> factors float32 (N, dimensions) of unit length, or zeros.
 * @param table float32 [65536, dimensions], as fitPairTable gives it. Rows of zeros are not stored.
 */
export function emitPairFactors(
  graph: GraphBuilder,
  images: GraphValue,
  table: Float32Array,
  dimensions: number,
): GraphValue {
  const { rowOf, rows } = compact(table, dimensions);
  const vectors = graph.initializer("pair_vectors", [rows.length / dimensions, dimensions], rows);
  const places = graph.initializer("pair_rows", [rowOf.length], rowOf);
  const flat = graph.integers([-1, IMAGE_BYTES]);
  const bytes = graph.node("Reshape", [images.name, flat], [-1, IMAGE_BYTES], {}, "uint8");
  const whole = graph.node("Cast", [bytes.name], [-1, IMAGE_BYTES], { to: { int: ELEMENT.int32 } }, "int32");
  const slice = (value: string, from: number, to: number) =>
    graph.node(
      "Slice",
      [value, graph.integers([from]), graph.integers([to]), graph.integers([1])],
      [-1, to - from],
      {},
      "int32",
    ).name;
  const high = graph.initializer("high", [], Int32Array.of(256));
  const firsts = graph.node(
    "Mul",
    [slice(whole.name, 0, PAIRS_OF_IMAGE), high],
    [-1, PAIRS_OF_IMAGE],
    {},
    "int32",
  );
  const pairs = graph.node(
    "Add",
    [firsts.name, slice(whole.name, 1, IMAGE_BYTES)],
    [-1, PAIRS_OF_IMAGE],
    {},
    "int32",
  );
  const row = graph.node("Gather", [places, pairs.name], [-1, PAIRS_OF_IMAGE], { axis: { int: 0 } }, "int32");
  const parts: string[] = [];
  for (let from = 0; from < PAIRS_OF_IMAGE; from += POSITIONS) {
    const to = Math.min(PAIRS_OF_IMAGE, from + POSITIONS);
    const gathered = graph.node("Gather", [vectors, slice(row.name, from, to)], [-1, to - from, dimensions], {
      axis: { int: 0 },
    });
    parts.push(
      graph.node("ReduceSum", [gathered.name, graph.integers([1])], [-1, dimensions], {
        keepdims: { int: 0 },
      }).name,
    );
  }
  const sum = graph.node("Sum", parts, [-1, dimensions]);
  const length = graph.node("ReduceL2", [sum.name], [-1, 1], { axes: { ints: [1] }, keepdims: { int: 1 } });
  const positive = graph.node("Max", [length.name, graph.scalar(LEAST_LENGTH)], [-1, 1]);
  return graph.node("Div", [sum.name, positive.name], [-1, dimensions]);
}

/** The rows that are not zeros, behind one row of zeros, and where each pair's row is: int32 [65536]. */
function compact(table: Float32Array, dimensions: number): { rowOf: Int32Array; rows: Float32Array } {
  const rowOf = new Int32Array(table.length / dimensions);
  const kept: Float32Array[] = [new Float32Array(dimensions)];
  for (let pair = 0; pair < rowOf.length; pair++) {
    const vector = table.subarray(pair * dimensions, (pair + 1) * dimensions);
    if (vector.every((value) => value === 0)) continue;
    rowOf[pair] = kept.length;
    kept.push(vector);
  }
  const rows = new Float32Array(kept.length * dimensions);
  for (const [i, vector] of kept.entries()) rows.set(vector, i * dimensions);
  return { rowOf, rows };
}
