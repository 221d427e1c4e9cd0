// Words of sessions, adjacent byte pairs or bytes where they stand, as nodes of an ONNX graph, and the sums of their vectors.

import { IMAGE_BYTES } from "../dataset/types.ts";
import type { GraphBuilder, GraphValue } from "./graph.ts";
import { ELEMENT } from "./proto.ts";

// Rows that are gathered at once. What onnxruntime gathers for N images it holds as N x ROWS_AT_ONCE x E floats, and then
// sums it up: the fewer, the less memory, and the more of it stays near.
const ROWS_AT_ONCE = 49;

/** uint8 (N, 28, 28) -> uint8 (N, 784). */
export function emitFlat(graph: GraphBuilder, images: GraphValue): GraphValue {
  const flat = graph.integers([-1, IMAGE_BYTES]);
  return graph.node("Reshape", [images.name, flat], [-1, IMAGE_BYTES], {}, "uint8");
}

/** uint8 (N, L) -> int32 (N, L - 1): 256 * first + second. */
export function emitBytePairs(graph: GraphBuilder, bytes: GraphValue): GraphValue {
  const wide = asInt32(graph, bytes);
  const last = bytes.shape[1]! - 1;
  const first = graph.node(
    "Mul",
    [emitColumns(graph, wide, 0, last).name, graph.scalar(256, "int32")],
    [bytes.shape[0]!, last],
    {},
    "int32",
  );
  const second = emitColumns(graph, wide, 1, last + 1);
  return graph.node("Add", [first.name, second.name], [bytes.shape[0]!, last], {}, "int32");
}

/** uint8 (N, L) -> int32 (N, count): 256 * position + byte. */
export function emitBytePositions(graph: GraphBuilder, bytes: GraphValue, count: number): GraphValue {
  const first = asInt32(graph, emitColumns(graph, bytes, 0, count));
  const offsets = Int32Array.from({ length: count }, (_, position) => 256 * position);
  return graph.node(
    "Add",
    [first.name, graph.initializer("positions", [count], offsets)],
    [bytes.shape[0]!, count],
    {},
    "int32",
  );
}

/** int32 (N, L) and the name of (V, E) -> (N, E). */
export function emitSumOfRows(
  graph: GraphBuilder,
  indices: GraphValue,
  rows: string,
  width: number,
): GraphValue {
  const [images, length] = [indices.shape[0]!, indices.shape[1]!];
  const parts: string[] = [];
  for (let from = 0; from < length; from += ROWS_AT_ONCE) {
    const to = Math.min(length, from + ROWS_AT_ONCE);
    const gathered = graph.node(
      "Gather",
      [rows, emitColumns(graph, indices, from, to).name],
      [images, to - from, width],
      { axis: { int: 0 } },
    );
    const axis = graph.integers([1]);
    parts.push(
      graph.node("ReduceSum", [gathered.name, axis], [images, width], { keepdims: { int: 0 } }).name,
    );
  }
  return graph.node("Sum", parts, [images, width]);
}

function emitColumns(graph: GraphBuilder, value: GraphValue, from: number, to: number): GraphValue {
  return graph.node(
    "Slice",
    [value.name, graph.integers([from]), graph.integers([to]), graph.integers([1])],
    [value.shape[0]!, to - from],
    {},
    value.element,
  );
}

const asInt32 = (graph: GraphBuilder, bytes: GraphValue): GraphValue =>
  graph.node("Cast", [bytes.name], bytes.shape, { to: { int: ELEMENT.int32 } }, "int32");
