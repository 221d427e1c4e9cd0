// The backend that computes nothing and writes down the ONNX graph of a forward pass, in inference form: dropout is
// the identity, batch norm uses its running statistics, weights become initializers. Operators: ONNX spec, opset 17.
import { FlowglyphError } from "../../bindings/errors.ts";
import { concatenate } from "../concatenate.ts";
import {
  type Backend,
  type Convolution1dOptions,
  type LstmWeights,
  type ParameterSpec,
  SMALLEST_SQUARE,
} from "../nn/backend.ts";
import type { GraphBuilder, GraphValue } from "./graph.ts";
import { ELEMENT } from "./proto.ts";
import {
  broadcast,
  describe,
  dim,
  expectRank,
  matmulShape,
  normalizeAxis,
  reshapeShape,
  type Shape,
  shapeError,
  windowLength,
} from "./shapes.ts";
import { emitBytePairs, emitBytePositions, emitSumOfRows } from "./words.ts";

/** A value of the traced graph. `data` is set on weights, which some operators need in another layout. */
export interface TracedValue extends GraphValue {
  readonly data?: Float32Array;
}

// ONNX orders an LSTM's gates input, output, forget, cell; libtorch input, forget, cell, output.
// Row block g of ONNX is row block GATE_FROM[g] of libtorch.
const GATE_FROM = [0, 3, 1, 2] as const;

export class TracingBackend<P extends ParameterSpec = ParameterSpec> implements Backend<TracedValue, P> {
  readonly training = false;
  readonly #graph: GraphBuilder;
  readonly #read: (parameter: P) => Float32Array;
  readonly #parameters = new Map<string, TracedValue>();

  /** `read` gives a parameter's values, row-major. */
  constructor(graph: GraphBuilder, read: (parameter: P) => Float32Array) {
    this.#graph = graph;
    this.#read = read;
  }

  parameter(parameter: P): TracedValue {
    const known = this.#parameters.get(parameter.path);
    if (known !== undefined) return known;
    const data = this.#read(parameter);
    const graph = this.#graph;
    // The initializer is written at first use of the name: an LSTM repacks its weights and never asks for it.
    let name: string | undefined;
    const value: TracedValue = {
      get name() {
        name ??= graph.initializer(parameter.path, parameter.shape, data);
        return name;
      },
      element: "float32",
      shape: parameter.shape,
      data,
    };
    this.#parameters.set(parameter.path, value);
    return value;
  }

  toFloat(x: TracedValue): TracedValue {
    return this.#graph.node("Cast", [x.name], x.shape, { to: { int: 1 } });
  }

  affine(x: TracedValue, scale: number, shift: number): TracedValue {
    const scaled =
      scale === 1 ? x : this.#graph.node("Mul", [x.name, this.#graph.scalar(scale)], floatShape("affine", x));
    return shift === 0
      ? scaled
      : this.#graph.node("Add", [scaled.name, this.#graph.scalar(shift)], floatShape("affine", x));
  }

  add(a: TracedValue, b: TracedValue): TracedValue {
    return this.#graph.node("Add", [a.name, b.name], broadcast("add", a.shape, b.shape));
  }

  multiply(a: TracedValue, b: TracedValue): TracedValue {
    return this.#graph.node("Mul", [a.name, b.name], broadcast("multiply", a.shape, b.shape));
  }

  matmul(a: TracedValue, b: TracedValue): TracedValue {
    return this.#graph.node("MatMul", [a.name, b.name], matmulShape(a.shape, b.shape));
  }

  linear(x: TracedValue, weight: TracedValue, bias: TracedValue): TracedValue {
    expectRank("linear", x.shape, 2);
    expectShape("linear weight", weight.shape, [dim(weight.shape, 0), dim(x.shape, 1)]);
    expectShape("linear bias", bias.shape, [dim(weight.shape, 0)]);
    const shape = [dim(x.shape, 0), dim(weight.shape, 0)];
    return this.#graph.node("Gemm", [x.name, weight.name, bias.name], shape, { transB: { int: 1 } });
  }

  embedding(indices: TracedValue, weight: TracedValue): TracedValue {
    expectRank("embedding weight", weight.shape, 2);
    if (indices.element === "float32") throw shapeError("embedding", "integer indices", indices.element);
    const shape = [...indices.shape, dim(weight.shape, 1)];
    // Gather takes the two wide integer types.
    const wide =
      indices.element === "uint8"
        ? this.#graph.node("Cast", [indices.name], indices.shape, { to: { int: ELEMENT.int32 } }, "int32")
        : indices;
    return this.#graph.node("Gather", [weight.name, wide.name], shape, { axis: { int: 0 } });
  }

  bytePairs(bytes: TracedValue): TracedValue {
    if (bytes.element !== "uint8") throw shapeError("bytePairs", "uint8 bytes", bytes.element);
    expectRank("bytePairs", bytes.shape, 2);
    return emitBytePairs(this.#graph, bytes);
  }

  bytePositions(bytes: TracedValue, count: number): TracedValue {
    if (bytes.element !== "uint8") throw shapeError("bytePositions", "uint8 bytes", bytes.element);
    expectRank("bytePositions", bytes.shape, 2);
    return emitBytePositions(this.#graph, bytes, count);
  }

  sumOfRows(indices: TracedValue, rows: TracedValue): TracedValue {
    if (indices.element !== "int32") throw shapeError("sumOfRows", "int32 indices", indices.element);
    expectRank("sumOfRows indices", indices.shape, 2);
    expectRank("sumOfRows rows", rows.shape, 2);
    return emitSumOfRows(this.#graph, indices, rows.name, dim(rows.shape, 1));
  }

  conv1d(x: TracedValue, weight: TracedValue, bias: TracedValue, options: Convolution1dOptions): TracedValue {
    return this.#convolution("conv1d", 1, x, weight, bias, options);
  }

  /** Conv wants the channels second; onnxruntime moves and joins the turns where it can. */
  sequenceConv(
    x: TracedValue,
    weight: TracedValue,
    bias: TracedValue,
    options: Convolution1dOptions,
  ): TracedValue {
    expectRank("sequenceConv", x.shape, 3);
    const turned = this.permute(x, [0, 2, 1]);
    return this.permute(this.#convolution("sequenceConv", 1, turned, weight, bias, options), [0, 2, 1]);
  }

  conv2d(
    x: TracedValue,
    weight: TracedValue,
    bias: TracedValue,
    options: { stride: number; padding: number },
  ): TracedValue {
    return this.#convolution("conv2d", 2, x, weight, bias, options);
  }

  #convolution(
    operation: string,
    axes: number,
    x: TracedValue,
    weight: TracedValue,
    bias: TracedValue,
    { stride, padding, dilation = 1, groups = 1 }: Convolution1dOptions,
  ): TracedValue {
    expectRank(operation, x.shape, axes + 2);
    const kernel = weight.shape.slice(2);
    const [outputs, inputs] = [dim(weight.shape, 0), dim(x.shape, 1)];
    if (outputs % groups !== 0 || inputs % groups !== 0) {
      throw shapeError(operation, `channels that ${groups} groups divide`, `${inputs} -> ${outputs}`);
    }
    expectShape(`${operation} weight`, weight.shape, [outputs, inputs / groups, ...kernel]);
    expectShape(`${operation} bias`, bias.shape, [outputs]);
    const spatial = kernel.map((k, i) =>
      windowLength(dim(x.shape, i + 2), dilation * (k - 1) + 1, stride, padding),
    );
    return this.#graph.node(
      "Conv",
      [x.name, weight.name, bias.name],
      [dim(x.shape, 0), outputs, ...spatial],
      {
        ...windowAttributes(kernel, stride),
        pads: { ints: kernel.concat(kernel).map(() => padding) },
        ...(dilation !== 1 && { dilations: { ints: kernel.map(() => dilation) } }),
        ...(groups !== 1 && { group: { int: groups } }),
      },
    );
  }

  convTranspose2d(
    x: TracedValue,
    weight: TracedValue,
    bias: TracedValue,
    { stride, padding, outputPadding }: { stride: number; padding: number; outputPadding: number },
  ): TracedValue {
    expectRank("convTranspose2d", x.shape, 4);
    const kernel = weight.shape.slice(2);
    const outputs = dim(weight.shape, 1);
    expectShape("convTranspose2d weight", weight.shape, [dim(x.shape, 1), outputs, ...kernel]);
    expectShape("convTranspose2d bias", bias.shape, [outputs]);
    const spatial = kernel.map(
      (k, i) => (dim(x.shape, i + 2) - 1) * stride - 2 * padding + k + outputPadding,
    );
    return this.#graph.node(
      "ConvTranspose",
      [x.name, weight.name, bias.name],
      [dim(x.shape, 0), outputs, ...spatial],
      {
        ...windowAttributes(kernel, stride),
        pads: { ints: [padding, padding, padding, padding] },
        output_padding: { ints: [outputPadding, outputPadding] },
      },
    );
  }

  batchNorm(
    x: TracedValue,
    weight: TracedValue,
    bias: TracedValue,
    runningMean: TracedValue,
    runningVariance: TracedValue,
    options: { momentum: number; epsilon: number },
  ): TracedValue {
    const statistics = [weight, bias, runningMean, runningVariance];
    for (const value of statistics) expectShape("batchNorm statistics", value.shape, [dim(x.shape, 1)]);
    return this.#graph.node(
      "BatchNormalization",
      [x, ...statistics].map((value) => value.name),
      x.shape,
      {
        epsilon: { float: options.epsilon },
      },
    );
  }

  layerNorm(
    x: TracedValue,
    weight: TracedValue,
    bias: TracedValue,
    { epsilon }: { epsilon: number },
  ): TracedValue {
    for (const value of [weight, bias]) expectShape("layerNorm weight", value.shape, [dim(x.shape, -1)]);
    return this.#graph.node(
      "LayerNormalization",
      [x.name, weight.name, bias.name],
      floatShape("layerNorm", x),
      {
        axis: { int: -1 },
        epsilon: { float: epsilon },
      },
    );
  }

  lstm(x: TracedValue, directions: readonly LstmWeights<TracedValue>[], hiddenSize: number): TracedValue {
    expectRank("lstm", x.shape, 3);
    const [batch, steps, inputs] = x.shape as [number, number, number];
    const count = directions.length;
    if (count !== 1 && count !== 2) throw shapeError("lstm", "1 or 2 directions", String(count));
    const pack = (
      name: string,
      parts: readonly (keyof LstmWeights<TracedValue>)[],
      columns: readonly number[],
    ) => {
      const rows = directions.flatMap((weights) =>
        parts.map((part) => {
          const value = weights[part];
          expectShape(`lstm ${part}`, value.shape, [4 * hiddenSize, ...columns]);
          if (value.data === undefined) throw shapeError(`lstm ${part}`, "a parameter", "a computed value");
          return reorderGates(value.data);
        }),
      );
      const shape = [count, parts.length * 4 * hiddenSize, ...columns];
      return this.#graph.initializer(name, shape, concatenate(Float32Array, rows));
    };
    const weights = [
      pack("lstm.W", ["inputHidden"], [inputs]),
      pack("lstm.R", ["hiddenHidden"], [hiddenSize]),
      pack("lstm.B", ["inputBias", "hiddenBias"], []),
    ];
    // onnxruntime's CPU kernel takes time first only (layout 0): (N, T, I) -> (T, N, I).
    const timeFirst = this.permute(x, [1, 0, 2]);
    const states = this.#graph.node(
      "LSTM",
      [timeFirst.name, ...weights],
      [steps, count, batch, hiddenSize], // Y: (T, D, N, H)
      { hidden_size: { int: hiddenSize }, direction: { string: count === 2 ? "bidirectional" : "forward" } },
    );
    return this.reshape(this.permute(states, [2, 0, 1, 3]), [-1, steps, count * hiddenSize]);
  }

  maxPool1d(x: TracedValue, window: number): TracedValue {
    return this.#maxPool("maxPool1d", 1, x, window);
  }

  sequenceMaxPool(x: TracedValue, window: number): TracedValue {
    expectRank("sequenceMaxPool", x.shape, 3);
    const turned = this.permute(x, [0, 2, 1]);
    return this.permute(this.#maxPool("sequenceMaxPool", 1, turned, window), [0, 2, 1]);
  }

  maxPool2d(x: TracedValue, window: number): TracedValue {
    return this.#maxPool("maxPool2d", 2, x, window);
  }

  #maxPool(operation: string, axes: number, x: TracedValue, window: number): TracedValue {
    expectRank(operation, x.shape, axes + 2);
    const kernel = Array.from({ length: axes }, () => window);
    const spatial = kernel.map((k, i) => windowLength(dim(x.shape, i + 2), k, k, 0));
    return this.#graph.node("MaxPool", [x.name], [dim(x.shape, 0), dim(x.shape, 1), ...spatial], {
      ...windowAttributes(kernel, window),
    });
  }

  dropout(x: TracedValue): TracedValue {
    return x;
  }

  relu(x: TracedValue): TracedValue {
    return this.#graph.node("Relu", [x.name], floatShape("relu", x));
  }

  leakyRelu(x: TracedValue, negativeSlope: number): TracedValue {
    return this.#graph.node("LeakyRelu", [x.name], floatShape("leakyRelu", x), {
      alpha: { float: negativeSlope },
    });
  }

  /** Opset 17 has no Gelu: its definition, in the order of nodes that onnxruntime joins into one. */
  gelu(x: TracedValue): TracedValue {
    const node = (type: string, inputs: readonly string[]) =>
      this.#graph.node(type, inputs, floatShape("gelu", x)).name;
    const graph = this.#graph;
    const erf = node("Erf", [node("Div", [x.name, graph.scalar(Math.SQRT2)])]);
    const twice = node("Mul", [x.name, node("Add", [erf, graph.scalar(1)])]);
    return graph.node("Mul", [twice, graph.scalar(0.5)], x.shape);
  }

  silu(x: TracedValue): TracedValue {
    return this.multiply(x, this.sigmoid(x));
  }

  tanh(x: TracedValue): TracedValue {
    return this.#graph.node("Tanh", [x.name], floatShape("tanh", x));
  }

  sigmoid(x: TracedValue): TracedValue {
    return this.#graph.node("Sigmoid", [x.name], floatShape("sigmoid", x));
  }

  softmax(x: TracedValue, axis: number): TracedValue {
    return this.#graph.node("Softmax", [x.name], floatShape("softmax", x), {
      axis: { int: normalizeAxis("softmax", axis, x.shape) },
    });
  }

  reshape(x: TracedValue, shape: readonly number[]): TracedValue {
    return this.#graph.node(
      "Reshape",
      [x.name, this.#graph.integers(shape)],
      reshapeShape(x.shape, shape),
      {},
      x.element,
    );
  }

  permute(x: TracedValue, axes: readonly number[]): TracedValue {
    const order = axes.map((axis) => normalizeAxis("permute", axis, x.shape));
    if (new Set(order).size !== x.shape.length) {
      throw shapeError("permute", `each axis of ${describe(x.shape)} once`, `[${axes.join(", ")}]`);
    }
    const shape = order.map((axis) => dim(x.shape, axis));
    return this.#graph.node("Transpose", [x.name], shape, { perm: { ints: order } }, x.element);
  }

  select(x: TracedValue, axis: number, index: number): TracedValue {
    const at = normalizeAxis("select", axis, x.shape);
    const size = dim(x.shape, at);
    if (!Number.isInteger(index) || (size >= 0 && (index >= size || index < -size))) {
      throw shapeError("select", `index ${index} to exist on axis ${axis}`, x.shape);
    }
    const inputs = [x.name, this.#graph.integers(index)];
    return this.#graph.node("Gather", inputs, without(x.shape, at), { axis: { int: at } }, x.element);
  }

  slice(x: TracedValue, axis: number, start: number, end: number): TracedValue {
    const at = normalizeAxis("slice", axis, x.shape);
    if (
      !(
        Number.isInteger(start) &&
        Number.isInteger(end) &&
        0 <= start &&
        start < end &&
        end <= dim(x.shape, at)
      )
    ) {
      throw shapeError("slice", `${start} to ${end} to lie on axis ${axis}`, x.shape);
    }
    const shape = x.shape.map((d, i) => (i === at ? end - start : d));
    const bounds = [start, end, at].map((value) => this.#graph.integers([value]));
    return this.#graph.node("Slice", [x.name, ...bounds], shape, {}, x.element);
  }

  concat(xs: readonly TracedValue[], axis: number): TracedValue {
    const first = xs[0];
    if (first === undefined)
      throw new FlowglyphError("ERR_MODEL_FORMAT", "concat: expected at least one input");
    const at = normalizeAxis("concat", axis, first.shape);
    for (const x of xs) expectShape("concat", without(x.shape, at), without(first.shape, at));
    const total = xs.reduce((sum, x) => sum + dim(x.shape, at), 0);
    const shape = first.shape.map((d, i) => (i === at ? total : d));
    return this.#graph.node(
      "Concat",
      xs.map((x) => x.name),
      shape,
      { axis: { int: at } },
      first.element,
    );
  }

  mean(x: TracedValue, axis: number): TracedValue {
    return this.#reduce("mean", "ReduceMean", x, axis);
  }

  max(x: TracedValue, axis: number): TracedValue {
    return this.#reduce("max", "ReduceMax", x, axis);
  }

  normalize(x: TracedValue): TracedValue {
    const shape = [...floatShape("normalize", x).slice(0, -1), 1];
    const graph = this.#graph;
    const squares = graph.node("ReduceSumSquare", [x.name], shape, {
      axes: { ints: [-1] },
      keepdims: { int: 1 },
    });
    const shifted = graph.node("Add", [squares.name, graph.scalar(SMALLEST_SQUARE)], shape);
    const length = graph.node("Sqrt", [shifted.name], shape);
    return graph.node("Div", [x.name, length.name], x.shape);
  }

  #reduce(operation: string, type: string, x: TracedValue, axis: number): TracedValue {
    const at = normalizeAxis(operation, axis, x.shape);
    return this.#graph.node(type, [x.name], without(floatShape(operation, x), at), {
      axes: { ints: [at] },
      keepdims: { int: 0 },
    });
  }
}

function windowAttributes(kernel: readonly number[], stride: number) {
  return { kernel_shape: { ints: kernel }, strides: { ints: kernel.map(() => stride) } };
}

function without(shape: Shape, axis: number): Shape {
  return shape.filter((_, i) => i !== axis);
}

function expectShape(operation: string, shape: Shape, expected: Shape): void {
  if (shape.length !== expected.length || shape.some((d, i) => d !== expected[i])) {
    throw shapeError(operation, describe(expected), shape);
  }
}

function floatShape(operation: string, x: TracedValue): Shape {
  if (x.element !== "float32") throw shapeError(operation, "float32 values", x.element);
  return x.shape;
}

/** Four row blocks from libtorch's gate order to that of ONNX. */
function reorderGates(data: Float32Array): Float32Array {
  const block = data.length / 4;
  return concatenate(
    Float32Array,
    GATE_FROM.map((gate) => data.subarray(gate * block, (gate + 1) * block)),
  );
}
