// Layers in integers, as nodes of a graph in QDQ form: values between layers are uint8, weights int8, products summed in
// int32. onnxruntime joins DequantizeLinear -> Gemm -> QuantizeLinear into one integer kernel; a runtime that does not
// still computes what the nodes say. Ranges are given by who calls: they are measured on data.
import type { GraphBuilder, GraphValue } from "./graph.ts";

/** A uint8 value of the graph: it stands for scale * (value - zero). */
export interface QuantizedValue {
  readonly value: GraphValue;
  readonly scale: number;
  readonly zero: number;
}

// 7 bits: where a processor has no VNNI, onnxruntime adds two products of a uint8 and a weight in 16 bits, which
// 2 x 255 x 63 fits in. The same verdicts everywhere cost less than an eighth bit is worth.
const WEIGHT_LIMIT = 63;
const BYTE_LIMIT = 255;
/** Of a symmetric range, where 128 stands for 0. */
const SYMMETRIC_ZERO = 128;
const SYMMETRIC_LIMIT = 127;
// A range of nothing but zeros still has to be divided by.
const LEAST_SCALE = 2 ** -100;

export interface QuantizedRows {
  readonly data: Int8Array<ArrayBuffer>;
  /** Of each row. */
  readonly scales: Float32Array<ArrayBuffer>;
}

/** Weights (rows, columns), each row with a scale of its own, so that a row of small weights keeps its digits. */
export function quantizeRows(weights: Float32Array, rows: number): QuantizedRows {
  const columns = weights.length / rows;
  const scales = new Float32Array(rows);
  const data = new Int8Array(weights.length);
  for (let row = 0; row < rows; row++) {
    const own = weights.subarray(row * columns, (row + 1) * columns);
    const scale = Math.fround(Math.max(LEAST_SCALE, largest(own) / WEIGHT_LIMIT));
    scales[row] = scale;
    for (let i = 0; i < columns; i++) data[row * columns + i] = roundHalfEven(own[i]! / scale);
  }
  return { data, scales };
}

/** Bytes of a table whose values are of both signs. */
export function quantizeTable(values: Float32Array): {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly scale: number;
  readonly zero: number;
} {
  const scale = Math.fround(Math.max(LEAST_SCALE, largest(values) / SYMMETRIC_LIMIT));
  const data = Uint8Array.from(values, (value) => roundHalfEven(value / scale) + SYMMETRIC_ZERO);
  return { data, scale, zero: SYMMETRIC_ZERO };
}

/** The scale of values from 0 to `most`. */
export function unsignedScale(most: number): number {
  return Math.fround(Math.max(LEAST_SCALE, most / BYTE_LIMIT));
}

/** relu(x Wᵀ + b) of x (M, I), values up to `most`, which larger ones become: (M, O). Rounding to bytes is the relu. */
export function emitInt8Linear(
  graph: GraphBuilder,
  x: QuantizedValue,
  layer: { readonly name: string; readonly weight: Float32Array; readonly bias: Float32Array },
  most: number,
): QuantizedValue {
  const outputs = layer.bias.length;
  const inputs = layer.weight.length / outputs;
  const { data, scales } = quantizeRows(layer.weight, outputs);
  const sumScales = sumScalesOf(x.scale, scales);
  const weight = graph.node(
    "DequantizeLinear",
    [
      graph.initializer(`${layer.name}.weight`, [outputs, inputs], data),
      graph.initializer(`${layer.name}.scale`, [outputs], scales),
      graph.initializer(`${layer.name}.zero`, [outputs], new Int8Array(outputs)),
    ],
    [outputs, inputs],
    { axis: { int: 0 } },
  );
  const bias = graph.node(
    "DequantizeLinear",
    [
      graph.initializer(`${layer.name}.bias`, [outputs], quantizeBias(layer.bias, sumScales)),
      graph.initializer(`${layer.name}.bias.scale`, [outputs], sumScales),
      graph.initializer(`${layer.name}.bias.zero`, [outputs], new Int32Array(outputs)),
    ],
    [outputs],
    { axis: { int: 0 } },
  );
  const [rows = -1] = x.value.shape;
  const sums = graph.node("Gemm", [dequantize(graph, x).name, weight.name, bias.name], [rows, outputs], {
    transB: { int: 1 },
  });
  const scale = unsignedScale(most);
  const value = graph.node(
    "QuantizeLinear",
    [sums.name, ...scaleAndZero(graph, scale, 0)],
    [rows, outputs],
    {},
    "uint8",
  );
  return { value, scale, zero: 0 };
}

/** Of each output: what one unit of its int32 sum stands for. */
export function sumScalesOf(inputScale: number, weightScales: Float32Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(weightScales, (scale) => inputScale * scale);
}

export function quantizeBias(bias: Float32Array, sumScales: Float32Array): Int32Array<ArrayBuffer> {
  return Int32Array.from(bias, (value, i) => roundHalfEven(value / sumScales[i]!));
}

/** float32 of the same shape. */
export function dequantize(graph: GraphBuilder, { value, scale, zero }: QuantizedValue): GraphValue {
  return graph.node("DequantizeLinear", [value.name, ...scaleAndZero(graph, scale, zero)], value.shape);
}

function scaleAndZero(graph: GraphBuilder, scale: number, zero: number): string[] {
  return [graph.scalar(scale), graph.scalar(zero, "uint8")];
}

/** As QuantizeLinear rounds: halves to the even neighbour. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

function largest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
