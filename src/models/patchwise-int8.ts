// Patchwise in integers, as nodes of an ONNX graph: the byte table holds uint8, both patch layers multiply int8 weights,
// and only the pooled features and the classifier are float32.

import type { GraphBuilder, GraphValue } from "../onnx/graph.ts";
import { dequantize, emitInt8Linear, type QuantizedValue, quantizeTable } from "../onnx/int8.ts";
import { ELEMENT } from "../onnx/proto.ts";
import { imageSide } from "./model.ts";
import { hiddenSymbol, joined, type Patchwise, patchBytes, symbolSize } from "./patchwise.ts";

const imageBytes = imageSide * imageSide;

/** The largest values to tell apart after each patch layer: those above become them. */
export interface PatchwiseRanges {
  readonly first: number;
  readonly second: number;
}

/** images uint8 (N, 28, 28) -> logits float32 (N, K), of the model's present weights. */
export function emitPatchwiseInt8(
  graph: GraphBuilder,
  images: GraphValue,
  model: Patchwise,
  ranges: PatchwiseRanges,
): GraphValue {
  const { width } = model;
  const reshape = (x: QuantizedValue, shape: readonly number[]): QuantizedValue => ({
    ...x,
    value: graph.node("Reshape", [x.value.name, graph.integers(shape)], shape, {}, "uint8"),
  });
  const layer = (name: "first" | "second") => ({
    name,
    weight: model[name].weight.values(),
    bias: model[name].bias.values(),
  });

  const embedded = embed(graph, images, model);
  const first = emitInt8Linear(
    graph,
    reshape(embedded, [-1, patchBytes * symbolSize]), // (98 N, 128)
    layer("first"),
    ranges.first,
  );
  const second = emitInt8Linear(graph, reshape(first, [-1, joined * width]), layer("second"), ranges.second);
  const features = reshape(second, [-1, model.places, 2 * width]);
  const over = { axes: { ints: [1] }, keepdims: { int: 0 } };
  const pooled = [-1, 2 * width];
  const largest = dequantize(graph, {
    ...features,
    value: graph.node("ReduceMax", [features.value.name], pooled, over, "uint8"),
  });
  const mean = graph.node("ReduceMean", [dequantize(graph, features).name], pooled, over);
  const both = graph.node("Concat", [largest.name, mean.name], [-1, 4 * width], { axis: { int: 1 } });
  const { weight, bias } = model.classes;
  const [classes = 0] = bias.shape;
  return graph.node(
    "Gemm",
    [
      both.name,
      graph.initializer("classes.weight", weight.shape, weight.values()),
      graph.initializer("classes.bias", bias.shape, bias.values()),
    ],
    [-1, classes],
    { transB: { int: 1 } },
  );
}

/** (N, bytes, E). The symbol of hidden bytes, which no image holds, stays behind. */
function embed(
  graph: GraphBuilder,
  images: GraphValue,
  { embedding, bytes: read }: Patchwise,
): QuantizedValue {
  const { data, scale, zero } = quantizeTable(
    embedding.weight.values().subarray(0, hiddenSymbol * symbolSize),
  );
  const all = graph.node(
    "Reshape",
    [images.name, graph.integers([-1, imageBytes])],
    [-1, imageBytes],
    {},
    "uint8",
  );
  const slice = () =>
    graph.node(
      "Slice",
      [all.name, ...[0, read, 1].map((value) => graph.integers([value]))],
      [-1, read],
      {},
      "uint8",
    );
  const bytes = read < imageBytes ? slice() : all;
  const wide = graph.node("Cast", [bytes.name], [-1, read], { to: { int: ELEMENT.int32 } }, "int32");
  const value = graph.node(
    "Gather",
    [graph.initializer("embedding.weight", [hiddenSymbol, symbolSize], data), wide.name],
    [-1, read, symbolSize],
    { axis: { int: 0 } },
    "uint8",
  );
  return { value, scale, zero };
}
