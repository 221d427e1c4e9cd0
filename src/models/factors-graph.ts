// Factors of words as nodes of an ONNX graph: what native/core/pairs computes, from the same table.

import { IMAGE_BYTES } from "../dataset/types.ts";
import type { GraphBuilder, GraphValue } from "../onnx/graph.ts";
import { emitBytePairs, emitBytePositions, emitSumOfRows } from "../onnx/words.ts";

// Sums of no known word are 0, and stay 0 over this.
const LEAST_LENGTH = 2 ** -100;

/**
 * images uint8 (N, 28, 28) -> factors float32 (N, dimensions) of unit length, or zeros.
 * @param table float32 [65536, dimensions], as fitPairTable gives it for `positions`. Rows of zeros are not stored.
 */
export function emitFactors(
  graph: GraphBuilder,
  images: GraphValue,
  table: Float32Array,
  dimensions: number,
  positions = 0,
): GraphValue {
  const { rowOf, rows } = compact(table, dimensions);
  const name = positions > 0 ? "position" : "pair";
  const vectors = graph.initializer(`${name}_vectors`, [rows.length / dimensions, dimensions], rows);
  const places = graph.initializer(`${name}_rows`, [rowOf.length], rowOf);
  const flat = graph.integers([-1, IMAGE_BYTES]);
  const bytes = graph.node("Reshape", [images.name, flat], [-1, IMAGE_BYTES], {}, "uint8");
  const words = positions > 0 ? emitBytePositions(graph, bytes, positions) : emitBytePairs(graph, bytes);
  const row = graph.node("Gather", [places, words.name], words.shape, { axis: { int: 0 } }, "int32");
  const sum = emitSumOfRows(graph, row, vectors, dimensions);
  const length = graph.node("ReduceL2", [sum.name], [-1, 1], { axes: { ints: [1] }, keepdims: { int: 1 } });
  const positive = graph.node("Max", [length.name, graph.scalar(LEAST_LENGTH)], [-1, 1]);
  return graph.node("Div", [sum.name, positive.name], [-1, dimensions]);
}

/** The rows that are not zeros, behind one row of zeros, and where each word's row is: int32 [65536]. */
function compact(table: Float32Array, dimensions: number): { rowOf: Int32Array; rows: Float32Array } {
  const rowOf = new Int32Array(table.length / dimensions);
  const kept: Float32Array[] = [new Float32Array(dimensions)];
  for (let word = 0; word < rowOf.length; word++) {
    const vector = table.subarray(word * dimensions, (word + 1) * dimensions);
    if (vector.every((value) => value === 0)) continue;
    rowOf[word] = kept.length;
    kept.push(vector);
  }
  const rows = new Float32Array(kept.length * dimensions);
  for (const [i, vector] of kept.entries()) rows.set(vector, i * dimensions);
  return { rowOf, rows };
}
