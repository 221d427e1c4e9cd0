// Tensor: a handle on a native at::Tensor with typed methods. Every method that returns a Tensor makes a new handle,
// which the innermost `scope` disposes; results may share memory with their inputs where libtorch's do (views).

import { FlowglyphError, invalidArgument } from "../errors.ts";
import type { Generator } from "./generator.ts";
import { type DeviceName, type DType, type TensorData, type TensorHandle, torch } from "./native.ts";
import { register, unregister } from "./scope.ts";

/** A tensor, or a number that is broadcast to one. */
export type Operand = Tensor | number;

interface Placement {
  readonly device?: DeviceName;
  readonly dtype?: DType;
}

const dtypeOfArray = new Map<unknown, DType>([
  [Float32Array, "float32"],
  [Float64Array, "float64"],
  [BigInt64Array, "int64"],
  [Int32Array, "int32"],
  [Uint8Array, "uint8"],
]);

const arrayOfDType = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

function operand(value: Operand): TensorHandle | number {
  return typeof value === "number" ? value : value.handle;
}

function handles(tensors: readonly Tensor[]): TensorHandle[] {
  return tensors.map((tensor) => tensor.handle);
}

/** An n-dimensional array of libtorch. Disposing is safe at any time; using a disposed tensor is an ERR_TENSOR. */
export class Tensor {
  /** For bindings/torch only. */
  readonly handle: TensorHandle;

  /** For bindings/torch only: make tensors with the static functions. */
  constructor(handle: TensorHandle) {
    this.handle = handle;
    register(this);
  }

  // ---- making

  /**
   * A CPU tensor over the array's memory, without a copy: writes to the array show in the tensor and the other way round.
   * The memory stays reachable while the tensor, or any native view of it, lives. The array's buffer must not be
   * transferred to another thread meanwhile, and must not be a SharedArrayBuffer (copy that with `Tensor.copyOf`).
   * @param shape Must have as many elements as the array; the array's length as the only axis where it is left out.
   */
  static fromBuffer(data: TensorData, shape: readonly number[] = [data.length]): Tensor {
    const dtype = dtypeOfArray.get(Object.getPrototypeOf(data)?.constructor) ?? dtypeOfView(data);
    const elements = shape.reduce((product, length) => product * length, 1);
    if (elements !== data.length) {
      throw invalidArgument(
        "shape",
        `a shape of the array's ${data.length} elements`,
        `[${shape.join(", ")}] (${elements})`,
      );
    }
    if (!(data.buffer instanceof ArrayBuffer)) {
      throw invalidArgument(
        "data",
        "a typed array over an ArrayBuffer",
        Object.prototype.toString.call(data.buffer),
      );
    }
    return new Tensor(torch().fromBuffer(data.buffer, data.byteOffset, shape, dtype));
  }

  /** A tensor of its own memory with the array's values: as `fromBuffer`, for arrays that go away or change. */
  static copyOf(data: TensorData, shape: readonly number[] = [data.length]): Tensor {
    return Tensor.fromBuffer(data.slice(), shape);
  }

  static zeros(shape: readonly number[], placement: Placement = {}): Tensor {
    return Tensor.full(shape, 0, placement);
  }

  static ones(shape: readonly number[], placement: Placement = {}): Tensor {
    return Tensor.full(shape, 1, placement);
  }

  /** Every element `value`; float32 on the CPU unless told otherwise. */
  static full(shape: readonly number[], value: number, placement: Placement = {}): Tensor {
    return new Tensor(torch().full(shape, value, placement.dtype ?? "float32", placement.device ?? "cpu"));
  }

  /** 0, 1, ... end - 1; int64 unless told otherwise. */
  static arange(end: number, placement: Placement = {}): Tensor {
    return new Tensor(torch().arange(end, placement.dtype ?? "int64", placement.device ?? "cpu"));
  }

  /** float32, uniform in [low, high), on the generator's device. */
  static uniform(shape: readonly number[], low: number, high: number, generator: Generator): Tensor {
    return new Tensor(torch().uniform(shape, low, high, generator.handle));
  }

  /** float32, normally distributed, on the generator's device. */
  static normal(shape: readonly number[], mean: number, deviation: number, generator: Generator): Tensor {
    return new Tensor(torch().normal(shape, mean, deviation, generator.handle));
  }

  /** int64: a random order of 0 ... length - 1, on the generator's device. */
  static randperm(length: number, generator: Generator): Tensor {
    return new Tensor(torch().randperm(length, generator.handle));
  }

  /** bool: each element true with the given probability, on the generator's device. */
  static bernoulli(shape: readonly number[], probability: number, generator: Generator): Tensor {
    return new Tensor(torch().bernoulli(shape, probability, generator.handle));
  }

  /** bool: true at these places (int64, one axis, of the elements in row-major order), on their device. */
  static maskAt(shape: readonly number[], places: Tensor): Tensor {
    return new Tensor(torch().maskAt(shape, places.handle));
  }

  /** Integers, each of 0 ... end - 1 equally likely, on the generator's device; int64 unless told otherwise. */
  static integers(
    shape: readonly number[],
    end: number,
    generator: Generator,
    dtype: "uint8" | "int32" | "int64" = "int64",
  ): Tensor {
    return new Tensor(torch().integers(shape, end, dtype, generator.handle));
  }

  /** Joins along an axis that exists. */
  static concat(tensors: readonly Tensor[], axis = 0): Tensor {
    return new Tensor(torch().concat(handles(tensors), axis));
  }

  /** Joins along a new axis. */
  static stack(tensors: readonly Tensor[], axis = 0): Tensor {
    return new Tensor(torch().stack(handles(tensors), axis));
  }

  // ---- asking

  get shape(): number[] {
    return torch().shape(this.handle);
  }

  get dtype(): DType {
    return torch().dtype(this.handle);
  }

  get device(): DeviceName {
    return torch().device(this.handle);
  }

  /** Number of elements. */
  get elements(): number {
    return this.shape.reduce((product, length) => product * length, 1);
  }

  get disposed(): boolean {
    return !torch().isLive(this.handle);
  }

  /** The value of a tensor of one element. On CUDA this waits for the device. */
  item(): number {
    return torch().item(this.handle);
  }

  /** A copy of the elements, row major: bool and uint8 as Uint8Array, int64 as BigInt64Array. Waits for the device. */
  toTypedArray(): TensorData {
    const array = new arrayOfDType[this.dtype](this.elements);
    torch().copyTo(this.handle, array.buffer, array.byteOffset, array.byteLength);
    return array;
  }

  /** As `toTypedArray` of the tensor as float32. */
  toFloat32Array(): Float32Array {
    const array = new Float32Array(this.elements);
    const converted = torch().to(this.handle, "cpu", "float32");
    torch().copyTo(converted, array.buffer, array.byteOffset, array.byteLength);
    torch().release(converted);
    return array;
  }

  // ---- life

  /** Lets go of the native tensor now; a second call does nothing. */
  dispose(): void {
    unregister(this);
    torch().release(this.handle);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Takes the tensor out of every scope: it lives until `dispose`, or until it is garbage collected. */
  keep(): this {
    unregister(this);
    return this;
  }

  // ---- autograd

  get requiresGrad(): boolean {
    return torch().requiresGrad(this.handle);
  }

  /** Only for leaves: tensors that no recorded operation made. */
  setRequiresGrad(requires: boolean): this {
    torch().setRequiresGrad(this.handle, requires);
    return this;
  }

  /** Adds the gradients of this scalar to the leaves that it was computed from. */
  backward(): void {
    torch().backward(this.handle);
  }

  /** The gathered gradient of a leaf, or undefined before any `backward`. */
  grad(): Tensor | undefined {
    const handle = torch().grad(this.handle);
    return handle === undefined ? undefined : new Tensor(handle);
  }

  clearGrad(): void {
    torch().clearGrad(this.handle);
  }

  /** The same memory, cut off from the recorded graph. */
  detach(): Tensor {
    return new Tensor(torch().detach(this.handle));
  }

  // ---- shape and place

  /** On another device and / or with another type; shares memory where nothing changes. */
  to(placement: Placement): Tensor {
    return new Tensor(
      torch().to(this.handle, placement.device ?? this.device, placement.dtype ?? this.dtype),
    );
  }

  clone(): Tensor {
    return new Tensor(torch().clone(this.handle));
  }

  contiguous(): Tensor {
    return new Tensor(torch().contiguous(this.handle));
  }

  /** Overwrites the elements in place, broadcasting, converting and crossing devices as needed; not recorded. */
  copyFrom(source: Tensor): this {
    torch().copyFrom(this.handle, source.handle);
    return this;
  }

  /** At most one length may be -1. */
  reshape(shape: readonly number[]): Tensor {
    return new Tensor(torch().reshape(this.handle, shape));
  }

  permute(axes: readonly number[]): Tensor {
    return new Tensor(torch().permute(this.handle, axes));
  }

  unsqueeze(axis: number): Tensor {
    return new Tensor(torch().unsqueeze(this.handle, axis));
  }

  squeeze(axis: number): Tensor {
    return new Tensor(torch().squeeze(this.handle, axis));
  }

  expand(shape: readonly number[]): Tensor {
    return new Tensor(torch().expand(this.handle, shape));
  }

  /** One index of one axis, the axis removed; a negative index counts from the end. */
  select(axis: number, index: number): Tensor {
    return new Tensor(torch().select(this.handle, axis, index));
  }

  /** Elements [start, end) of one axis; negative bounds count from the end. */
  slice(axis: number, start: number, end: number): Tensor {
    return new Tensor(torch().slice(this.handle, axis, start, end));
  }

  /** @param indices int32 or int64, one axis, on this tensor's device. */
  indexSelect(axis: number, indices: Tensor): Tensor {
    return new Tensor(torch().indexSelect(this.handle, axis, indices.handle));
  }

  // ---- arithmetic, with broadcasting

  add(other: Operand): Tensor {
    return new Tensor(torch().add(this.handle, operand(other)));
  }

  subtract(other: Operand): Tensor {
    return new Tensor(torch().subtract(this.handle, operand(other)));
  }

  multiply(other: Operand): Tensor {
    return new Tensor(torch().multiply(this.handle, operand(other)));
  }

  divide(other: Operand): Tensor {
    return new Tensor(torch().divide(this.handle, operand(other)));
  }

  /** bool, as the next two. */
  equal(other: Operand): Tensor {
    return new Tensor(torch().equal(this.handle, operand(other)));
  }

  greater(other: Operand): Tensor {
    return new Tensor(torch().greater(this.handle, operand(other)));
  }

  less(other: Operand): Tensor {
    return new Tensor(torch().less(this.handle, operand(other)));
  }

  pow(exponent: number): Tensor {
    return new Tensor(torch().pow(this.handle, exponent));
  }

  clamp(low: number, high: number): Tensor {
    return new Tensor(torch().clamp(this.handle, low, high));
  }

  negate(): Tensor {
    return new Tensor(torch().negate(this.handle));
  }

  exp(): Tensor {
    return new Tensor(torch().exp(this.handle));
  }

  log(): Tensor {
    return new Tensor(torch().log(this.handle));
  }

  sqrt(): Tensor {
    return new Tensor(torch().sqrt(this.handle));
  }

  abs(): Tensor {
    return new Tensor(torch().abs(this.handle));
  }

  matmul(other: Tensor): Tensor {
    return new Tensor(torch().matmul(this.handle, other.handle));
  }

  /** Over the given axes, or over all where none are given; the axes are removed unless `keepAxes`. */
  sum(axes: readonly number[] = [], keepAxes = false): Tensor {
    return new Tensor(torch().sum(this.handle, axes, keepAxes));
  }

  /** As `sum`. */
  mean(axes: readonly number[] = [], keepAxes = false): Tensor {
    return new Tensor(torch().mean(this.handle, axes, keepAxes));
  }

  /** The largest element along an axis, the axis removed; its gradient goes to one of those that are as large. */
  max(axis: number): Tensor {
    return new Tensor(torch().max(this.handle, axis));
  }

  /** Element by element this one's where `condition` (bool) holds, else the other's; a number takes this tensor's type. */
  where(condition: Tensor, otherwise: Operand): Tensor {
    return new Tensor(torch().where(condition.handle, this.handle, operand(otherwise)));
  }

  /** int64 (n): the places of the elements that are not 0, in row-major order. On CUDA this waits for the device. */
  nonzero(): Tensor {
    return new Tensor(torch().nonzero(this.handle));
  }

  /** int64 index of the largest element along an axis, the axis removed. */
  argmax(axis: number): Tensor {
    return new Tensor(torch().argmax(this.handle, axis));
  }

  // ---- activations

  relu(): Tensor {
    return new Tensor(torch().relu(this.handle));
  }

  leakyRelu(negativeSlope: number): Tensor {
    return new Tensor(torch().leakyRelu(this.handle, negativeSlope));
  }

  /** x Phi(x), Phi by the error function. */
  gelu(): Tensor {
    return new Tensor(torch().gelu(this.handle));
  }

  /** x sigmoid(x). */
  silu(): Tensor {
    return new Tensor(torch().silu(this.handle));
  }

  tanh(): Tensor {
    return new Tensor(torch().tanh(this.handle));
  }

  sigmoid(): Tensor {
    return new Tensor(torch().sigmoid(this.handle));
  }

  softmax(axis: number): Tensor {
    return new Tensor(torch().softmax(this.handle, axis));
  }

  logSoftmax(axis: number): Tensor {
    return new Tensor(torch().logSoftmax(this.handle, axis));
  }

  /** Zeroes each element with the given probability and scales the rest by 1 / (1 - probability). */
  dropout(probability: number, generator: Generator): Tensor {
    return new Tensor(torch().dropout(this.handle, probability, generator.handle));
  }

  // ---- layers: shapes as in src/nn/backend.ts

  /** Of these indices (any shape; uint8, int32 or int64): rows of `weight` (V, E) -> (..., E). */
  embedding(weight: Tensor): Tensor {
    return new Tensor(torch().embedding(this.handle, weight.handle));
  }

  linear(weight: Tensor, bias: Tensor): Tensor {
    return new Tensor(torch().linear(this.handle, weight.handle, bias.handle));
  }

  conv1d(
    weight: Tensor,
    bias: Tensor,
    options: { stride: number; padding: number; dilation?: number; groups?: number },
  ): Tensor {
    const { stride, padding, dilation = 1, groups = 1 } = options;
    return new Tensor(
      torch().conv1d(this.handle, weight.handle, bias.handle, stride, padding, dilation, groups),
    );
  }

  conv2d(weight: Tensor, bias: Tensor, options: { stride: number; padding: number }): Tensor {
    const { stride, padding } = options;
    return new Tensor(torch().conv2d(this.handle, weight.handle, bias.handle, stride, padding));
  }

  convTranspose2d(
    weight: Tensor,
    bias: Tensor,
    options: { stride: number; padding: number; outputPadding: number },
  ): Tensor {
    const { stride, padding, outputPadding } = options;
    return new Tensor(
      torch().convTranspose2d(this.handle, weight.handle, bias.handle, stride, padding, outputPadding),
    );
  }

  /** Updates the running statistics in place where `training`. */
  batchNorm(
    weight: Tensor,
    bias: Tensor,
    runningMean: Tensor,
    runningVariance: Tensor,
    options: { training: boolean; momentum: number; epsilon: number },
  ): Tensor {
    return new Tensor(
      torch().batchNorm(
        this.handle,
        weight.handle,
        bias.handle,
        runningMean.handle,
        runningVariance.handle,
        options.training,
        options.momentum,
        options.epsilon,
      ),
    );
  }

  /**
   * Convolution over the steps of (N, T, C), features last.
   * @param options `bfloat16`: matrix products in that type, here and in the backward pass; all else stays float32.
   */
  sequenceConv(
    weight: Tensor,
    bias: Tensor,
    options: { stride: number; padding: number; dilation?: number; groups?: number; bfloat16?: boolean },
  ): Tensor {
    const { stride, padding, dilation = 1, groups = 1, bfloat16 = false } = options;
    const [w, b] = [weight.handle, bias.handle];
    return new Tensor(torch().sequenceConv(this.handle, w, b, stride, padding, dilation, groups, bfloat16));
  }

  /** Max pooling over the steps of (N, T, C) with window = stride. */
  sequenceMaxPool(window: number): Tensor {
    return new Tensor(torch().sequenceMaxPool(this.handle, window));
  }

  /** Layer normalisation over the last axis. */
  layerNorm(weight: Tensor, bias: Tensor, { epsilon }: { epsilon: number }): Tensor {
    return new Tensor(torch().layerNorm(this.handle, weight.handle, bias.handle, epsilon));
  }

  /**
   * (N, T, I) -> (N, T, D * H). `weights`: for each direction the four of `LstmWeights`, in that order.
   * @param options `bfloat16`: matrix products in that type, here and in the backward pass; all else stays float32.
   */
  lstm(
    weights: readonly Tensor[],
    hiddenSize: number,
    { bfloat16 = false }: { readonly bfloat16?: boolean } = {},
  ): Tensor {
    return new Tensor(torch().lstm(this.handle, handles(weights), hiddenSize, bfloat16));
  }

  maxPool1d(window: number): Tensor {
    return new Tensor(torch().maxPool1d(this.handle, window));
  }

  maxPool2d(window: number): Tensor {
    return new Tensor(torch().maxPool2d(this.handle, window));
  }

  // ---- losses: a scalar, the mean over the elements (or over the batch)

  /** Binary cross-entropy of logits; `target` in [0, 1], of the same shape. */
  bceWithLogits(target: Tensor): Tensor {
    return new Tensor(torch().bceWithLogits(this.handle, target.handle));
  }

  /** Of logits (N, K) against int64 classes (N). */
  crossEntropy(target: Tensor): Tensor {
    return new Tensor(torch().crossEntropy(this.handle, target.handle));
  }

  /**
   * The loss of each row of logits (N, K), not their mean: (N). `target`: int64 classes (N), or probabilities (N, K).
   * @param labelSmoothing Share of a target that goes to all K classes alike, in [0, 1].
   */
  crossEntropyRows(target: Tensor, labelSmoothing = 0): Tensor {
    return new Tensor(torch().crossEntropyRows(this.handle, target.handle, labelSmoothing));
  }

  /** Kullback-Leibler divergence of each row of logits (N, K) from probabilities (N, K): (N). */
  klDivergenceRows(target: Tensor): Tensor {
    return new Tensor(torch().klDivergenceRows(this.handle, target.handle));
  }

  /** Negative log-likelihood of log-probabilities (N, K) against int64 classes (N). */
  nll(target: Tensor): Tensor {
    return new Tensor(torch().nll(this.handle, target.handle));
  }

  /** Mean absolute error. */
  l1(target: Tensor): Tensor {
    return new Tensor(torch().l1(this.handle, target.handle));
  }

  /** Mean squared error. */
  mse(target: Tensor): Tensor {
    return new Tensor(torch().mse(this.handle, target.handle));
  }
}

/** Subclasses (Node's Buffer) go by the array type that they extend. */
function dtypeOfView(data: unknown): DType {
  for (const [type, dtype] of dtypeOfArray) {
    if (data instanceof (type as typeof Uint8Array)) {
      return dtype;
    }
  }
  throw new FlowglyphError(
    "ERR_ARGUMENT",
    `Expected data to be a Float32Array, Float64Array, BigInt64Array, Int32Array or Uint8Array but received ${Object.prototype.toString.call(data)}`,
  );
}
