// The backend that computes nothing and writes down the ONNX graph of a forward pass, in inference form: dropout is
// the identity, batch norm uses its running statistics, weights become initializers. Operators: ONNX spec, opset 17.
import { FlowglyphError } from "../../bindings/errors.ts";
import type { Backend, LstmWeights, ParameterSpec } from "../nn/backend.ts";
import type { GraphBuilder, GraphValue } from "./graph.ts";
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

  conv1d(
    x: TracedValue,
    weight: TracedValue,
    bias: TracedValue,
    options: { stride: number; padding: number },
  ): TracedValue {
    return this.#convolution("conv1d", 1, x, weight, bias, options);
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
    { stride, padding }: { stride: number; padding: number },
  ): TracedValue {
    expectRank(operation, x.shape, axes + 2);
    const kernel = weight.shape.slice(2);
    expectShape(`${operation} weight`, weight.shape, [dim(weight.shape, 0), dim(x.shape, 1), ...kernel]);
    expectShape(`${operation} bias`, bias.shape, [dim(weight.shape, 0)]);
    const spatial = kernel.map((k, i) => windowLength(dim(x.shape, i + 2), k, stride, padding));
    return this.#graph.node(
      "Conv",
      [x.name, weight.name, bias.name],
      [dim(x.shape, 0), dim(weight.shape, 0), ...spatial],
      { ...windowAttributes(kernel, stride), pads: { ints: kernel.concat(kernel).map(() => padding) } },
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
      return this.#graph.initializer(name, shape, concatenate(rows));
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
    const at = normalizeAxis("mean", axis, x.shape);
    return this.#graph.node("ReduceMean", [x.name], without(floatShape("mean", x), at), {
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
  return concatenate(GATE_FROM.map((gate) => data.subarray(gate * block, (gate + 1) * block)));
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const result = new Float32Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}
