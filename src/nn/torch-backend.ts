// The backend that computes: libtorch tensors on one device, with gradients.

import { FlowglyphError } from "../../bindings/errors.ts";
import { type DeviceName, type Generator, noGrad, scope, Tensor } from "../../bindings/torch/index.ts";
import { type Backend, type Convolution1dOptions, type LstmWeights, SMALLEST_SQUARE } from "./backend.ts";
import type { Module } from "./module.ts";
import type { Parameter, ParameterStorage } from "./parameter.ts";

/** Keeps a parameter's values in a tensor; reading and writing copy. */
class TensorStorage implements ParameterStorage {
  tensor: Tensor;
  constructor(tensor: Tensor) {
    this.tensor = tensor;
  }
  read(): Float32Array {
    return this.tensor.toFloat32Array();
  }
  write(values: Float32Array): void {
    const source = Tensor.fromBuffer(values, this.tensor.shape);
    this.tensor.copyFrom(source);
    source.dispose();
  }
}

/** Type of the products that take most of a training step; everything between them is float32. */
export type Precision = "float32" | "bfloat16";

export class TorchBackend implements Backend<Tensor, Parameter> {
  readonly device: DeviceName;
  /** Where dropout draws from. */
  readonly random: Generator;
  /** Set it to switch dropout and batch norm between training and prediction. */
  training = false;
  readonly #bfloat16: boolean;

  /**
   * @param random On the same device.
   * @param options `precision` "bfloat16": the matrix products of LSTMs and of convolutions over sequences in that type while
   *   `training`; all else, and every prediction, is float32.
   */
  constructor(random: Generator, { precision = "float32" }: { readonly precision?: Precision } = {}) {
    this.device = random.device;
    this.random = random;
    this.#bfloat16 = precision === "bfloat16";
  }

  /**
   * Moves the values of a module to tensors on the device, outside any scope. They live until `release`; the module's
   * `stateDict` and `loadStateDict` read and write them from now on. Adopting twice does nothing.
   */
  adopt(module: Module): void {
    for (const [, parameter] of module.members()) {
      if (parameter.storage instanceof TensorStorage) {
        continue;
      }
      const values = parameter.values();
      const tensor = scope(() =>
        Tensor.fromBuffer(values, parameter.shape).to({ device: this.device }).clone(),
      ).keep();
      if (parameter.trainable) {
        tensor.setRequiresGrad(true);
      }
      parameter.storage = new TensorStorage(tensor);
    }
  }

  /** Brings the values of an adopted module back to arrays and disposes its tensors. */
  release(module: Module): void {
    for (const [, parameter] of module.members()) {
      if (parameter.storage instanceof TensorStorage) {
        const { tensor } = parameter.storage;
        parameter.reclaim();
        tensor.dispose();
      }
    }
  }

  /** The tensors of adopted parameters, in their order: what an optimizer takes. */
  tensors(parameters: readonly Parameter[]): Tensor[] {
    return parameters.map((parameter) => this.parameter(parameter));
  }

  /** Runs `body` with the parameters as constants: what it records asks for no gradients of them. */
  frozen<R>(parameters: readonly Parameter[], body: () => R): R {
    const tensors = this.tensors(parameters);
    for (const tensor of tensors) {
      tensor.setRequiresGrad(false);
    }
    try {
      return body();
    } finally {
      for (const tensor of tensors) {
        tensor.setRequiresGrad(true);
      }
    }
  }

  /** Runs `body` without gradients, dropout and batch statistics. */
  predict<R>(body: () => R): R {
    const before = this.training;
    this.training = false;
    try {
      return noGrad(body);
    } finally {
      this.training = before;
    }
  }

  /** Puts a tensor of its shape in the place of an adopted parameter's values, without a copy. @returns the former one. */
  exchange(parameter: Parameter, tensor: Tensor): Tensor {
    const storage = this.#storage(parameter);
    const before = storage.tensor;
    storage.tensor = tensor;
    return before;
  }

  parameter(parameter: Parameter): Tensor {
    return this.#storage(parameter).tensor;
  }

  #storage(parameter: Parameter): TensorStorage {
    if (!(parameter.storage instanceof TensorStorage)) {
      throw new FlowglyphError(
        "ERR_ARGUMENT",
        `Expected parameter ${parameter.path} to be on ${this.device} but its module was not adopted`,
      );
    }
    return parameter.storage;
  }

  toFloat(x: Tensor): Tensor {
    return x.to({ dtype: "float32" });
  }
  affine(x: Tensor, scale: number, shift: number): Tensor {
    return x.multiply(scale).add(shift);
  }
  add(a: Tensor, b: Tensor): Tensor {
    return a.add(b);
  }
  multiply(a: Tensor, b: Tensor): Tensor {
    return a.multiply(b);
  }
  matmul(a: Tensor, b: Tensor): Tensor {
    return a.matmul(b);
  }
  linear(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
    return x.linear(weight, bias);
  }
  embedding(indices: Tensor, weight: Tensor): Tensor {
    return indices.embedding(weight);
  }
  bytePairs(bytes: Tensor): Tensor {
    const length = bytes.shape[1]!;
    const wide = bytes.to({ dtype: "int32" });
    return wide
      .slice(1, 0, length - 1)
      .multiply(256)
      .add(wide.slice(1, 1, length))
      .to({ dtype: "int32" }); // a number as a factor makes floats, which hold these integers exactly
  }
  bytePositions(bytes: Tensor, count: number): Tensor {
    const offsets = Tensor.fromBuffer(Int32Array.from({ length: count }, (_, position) => 256 * position));
    return bytes
      .slice(1, 0, count)
      .to({ dtype: "int32" })
      .add(offsets.to({ device: bytes.device }));
  }
  sumOfRows(indices: Tensor, rows: Tensor): Tensor {
    return indices.embedding(rows).sum([1]);
  }
  conv1d(x: Tensor, weight: Tensor, bias: Tensor, options: Convolution1dOptions): Tensor {
    if (x.device !== "cpu") return x.conv1d(weight, bias, options);
    // Both turns are views: between two of these nothing is copied.
    return x.permute([0, 2, 1]).sequenceConv(weight, bias, options).permute([0, 2, 1]);
  }
  sequenceConv(x: Tensor, weight: Tensor, bias: Tensor, options: Convolution1dOptions): Tensor {
    return x.sequenceConv(weight, bias, { ...options, bfloat16: this.#bfloat16 && this.training });
  }
  conv2d(x: Tensor, weight: Tensor, bias: Tensor, options: { stride: number; padding: number }): Tensor {
    return x.conv2d(weight, bias, options);
  }
  convTranspose2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    options: { stride: number; padding: number; outputPadding: number },
  ): Tensor {
    return x.convTranspose2d(weight, bias, options);
  }
  batchNorm(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    runningMean: Tensor,
    runningVariance: Tensor,
    options: { momentum: number; epsilon: number },
  ): Tensor {
    return x.batchNorm(weight, bias, runningMean, runningVariance, { ...options, training: this.training });
  }
  layerNorm(x: Tensor, weight: Tensor, bias: Tensor, options: { epsilon: number }): Tensor {
    return x.layerNorm(weight, bias, options);
  }
  lstm(x: Tensor, directions: readonly LstmWeights<Tensor>[], hiddenSize: number): Tensor {
    const weights = directions.flatMap((weight) => [
      weight.inputHidden,
      weight.hiddenHidden,
      weight.inputBias,
      weight.hiddenBias,
    ]);
    return x.lstm(weights, hiddenSize, { bfloat16: this.#bfloat16 && this.training });
  }
  maxPool1d(x: Tensor, window: number): Tensor {
    return x.maxPool1d(window);
  }
  sequenceMaxPool(x: Tensor, window: number): Tensor {
    return x.sequenceMaxPool(window);
  }
  maxPool2d(x: Tensor, window: number): Tensor {
    return x.maxPool2d(window);
  }
  dropout(x: Tensor, probability: number): Tensor {
    return this.training && probability > 0 ? x.dropout(probability, this.random) : x;
  }
  relu(x: Tensor): Tensor {
    return x.relu();
  }
  leakyRelu(x: Tensor, negativeSlope: number): Tensor {
    return x.leakyRelu(negativeSlope);
  }
  gelu(x: Tensor): Tensor {
    return x.gelu();
  }
  silu(x: Tensor): Tensor {
    return x.silu();
  }
  tanh(x: Tensor): Tensor {
    return x.tanh();
  }
  sigmoid(x: Tensor): Tensor {
    return x.sigmoid();
  }
  softmax(x: Tensor, axis: number): Tensor {
    return x.softmax(axis);
  }
  reshape(x: Tensor, shape: readonly number[]): Tensor {
    return x.reshape(shape);
  }
  permute(x: Tensor, axes: readonly number[]): Tensor {
    return x.permute(axes);
  }
  select(x: Tensor, axis: number, index: number): Tensor {
    return x.select(axis, index);
  }
  slice(x: Tensor, axis: number, start: number, end: number): Tensor {
    return x.slice(axis, start, end);
  }

  concat(xs: readonly Tensor[], axis: number): Tensor {
    return Tensor.concat(xs, axis);
  }
  mean(x: Tensor, axis: number): Tensor {
    return x.mean([axis]);
  }
  max(x: Tensor, axis: number): Tensor {
    return x.max(axis);
  }
  normalize(x: Tensor): Tensor {
    return x.divide(x.multiply(x).sum([-1], true).add(SMALLEST_SQUARE).sqrt());
  }
}
