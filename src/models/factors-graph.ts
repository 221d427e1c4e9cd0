// Factors of words as nodes of an ONNX graph: what session-factors.ts computes, from the same tables, and of sums and relative
// factors the same bits.

import { WORDS, type WordTable } from "../../bindings/capture/words.ts";
import type { GraphBuilder, GraphValue } from "../onnx/graph.ts";
import { ELEMENT } from "../onnx/proto.ts";
import { emitBytePairs, emitBytePositions, emitFlat, emitSumOfRows } from "../onnx/words.ts";
import { type FactorTables, HEAD } from "./session-factors.ts";

/** Sums float32 (N, D) of each kind of words. */
export type KindsOfSums = readonly GraphValue[];

/** images uint8 (N, 28, 28) -> sessionSums, one value each kind. */
export function emitSums(
  graph: GraphBuilder,
  images: GraphValue,
  all: readonly FactorTables[],
  dimensions: number,
): KindsOfSums {
  const bytes = emitFlat(graph, images);
  const kinds = [emitBytePairs(graph, bytes), emitBytePositions(graph, bytes, HEAD)] as const;
  return all.flatMap(({ pairs, places }) => [
    emitSumsOfKind(graph, "pair", kinds[0], pairs, dimensions),
    emitSumsOfKind(graph, "place", kinds[1], places, dimensions),
  ]);
}

/** unitFactors: float32 (N, kinds * D). */
export function emitUnitFactors(graph: GraphBuilder, sums: KindsOfSums): GraphValue {
  return emitScaled(graph, sums, (kind) =>
    graph.node("ReduceL2", [kind.name], [-1, 1], { axes: { ints: [1] }, keepdims: { int: 1 } }),
  );
}

/** relativeFactors: float32 (N, kinds * D), bit by bit. */
export function emitRelativeFactors(graph: GraphBuilder, sums: KindsOfSums): GraphValue {
  return emitScaled(graph, sums, (kind) => {
    const magnitudes = graph.node("Abs", [kind.name], kind.shape);
    return graph.node("ReduceMax", [magnitudes.name], [-1, 1], { axes: { ints: [1] }, keepdims: { int: 1 } });
  });
}

function emitScaled(
  graph: GraphBuilder,
  kinds: KindsOfSums,
  scale: (kind: GraphValue) => GraphValue,
): GraphValue {
  const parts = kinds.map((kind) => {
    // Sums are whole numbers: without a known word they are 0, and stay 0 over 1.
    const divisor = graph.node("Max", [scale(kind).name, graph.scalar(1)], [-1, 1]);
    return graph.node("Div", [kind.name, divisor.name], kind.shape);
  });
  return graph.node(
    "Concat",
    parts.map(({ name }) => name),
    [-1, parts.reduce((width, { shape }) => width + shape[1]!, 0)],
    { axis: { int: 1 } },
  );
}

function emitSumsOfKind(
  graph: GraphBuilder,
  name: string,
  found: GraphValue,
  { words, vectors }: WordTable,
  dimensions: number,
): GraphValue {
  // Words without a vector share a row of zeros, in front.
  const rowOf = new Int32Array(WORDS);
  for (const [row, word] of words.entries()) rowOf[word] = row + 1;
  // Whole numbers up to 2^14: half the file in 16 bits; onnxruntime widens them once, when it loads the model.
  const rows = new Int16Array((words.length + 1) * dimensions);
  rows.set(vectors, dimensions);
  const shape = [words.length + 1, dimensions];
  const narrow = graph.initializer(`${name}_vectors`, shape, rows);
  const table = graph.node("Cast", [narrow], shape, { to: { int: ELEMENT.float32 } }).name;
  const rowsOfWords = graph.initializer(`${name}_rows`, [rowOf.length], rowOf);
  const row = graph.node("Gather", [rowsOfWords, found.name], found.shape, { axis: { int: 0 } }, "int32");
  return emitSumOfRows(graph, row, table, dimensions);
}
