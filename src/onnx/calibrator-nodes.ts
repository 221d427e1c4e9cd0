// The calibrator (src/evaluation/calibrator.ts) as nodes at the end of a graph, so that whoever runs the file gets calibrated
// probabilities. A calibrator that changes nothing adds no node.
import type { Calibrator } from "../evaluation/calibrator.ts";
import type { GraphBuilder, GraphValue } from "./graph.ts";

/** Of probabilities (N, K): p^(1 / temperature), each row divided by its sum; the softmax of logits that were divided by it. */
export function emitTemperature(
  graph: GraphBuilder,
  probabilities: GraphValue,
  { temperature }: Calibrator,
): GraphValue {
  if (temperature === 1) return probabilities;
  const { shape } = probabilities;
  const powers = graph.node("Pow", [probabilities.name, graph.scalar(1 / temperature)], shape); // (N, K)
  const sums = graph.node("ReduceSum", [powers.name, graph.integers([1])], [shape[0]!, 1], {
    keepdims: { int: 1 },
  });
  return graph.node("Div", [powers.name, sums.name], shape);
}

/** Mixes the uniform distribution in: (1 - chance) p + chance / K. */
export function emitChance(
  graph: GraphBuilder,
  probabilities: GraphValue,
  { chance }: Calibrator,
): GraphValue {
  if (chance === 0) return probabilities;
  const { shape } = probabilities;
  const kept = graph.node("Mul", [probabilities.name, graph.scalar(1 - chance)], shape);
  return graph.node("Add", [kept.name, graph.scalar(chance / shape[1]!)], shape);
}
