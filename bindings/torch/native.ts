// The torch addon as TypeScript sees it: one function a row of native/torch's tables, handles instead of objects.
// Nothing here is public; bindings/torch/tensor.ts gives the handles their methods.

import { FlowglyphError } from "../errors.ts";
import { type AddonBase, loadAddon } from "../load.ts";

/** A native at::Tensor, reference counted by the garbage collector or released by `release`. */
export interface TensorHandle {
  readonly flowglyphTensor: unique symbol;
}
/** A native at::Generator. */
export interface GeneratorHandle {
  readonly flowglyphGenerator: unique symbol;
}
/** A native Adam optimizer. */
export interface AdamHandle {
  readonly flowglyphAdam: unique symbol;
}

export type DType = "float32" | "float64" | "int64" | "int32" | "uint8" | "bool";
export type TensorData = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;
/** Where a tensor lives; `cuda` is `cuda:0`. */
export type DeviceName = "cpu" | "cuda" | `cuda:${number}`;

export interface TorchInfo {
  /** libtorch's version, e.g. `1.13.1`. */
  readonly version: string;
  readonly threads: number;
  /** Whether oneDNN (formerly MKL-DNN) kernels are compiled in. */
  readonly mkldnn: boolean;
  /** Whether CUDA is compiled in and a device answers. */
  readonly cuda: boolean;
  /** The library that matrix products come from; empty where libtorch carries its own. */
  readonly blas: string;
  /** OpenBLAS's name for the kernels it runs, e.g. `SkylakeX`; empty for any other. */
  readonly blasKernels: string;
  /** libtorch's own description of its build, several lines. */
  readonly build: string;
}

type Operand = TensorHandle | number;
type Unary = (x: TensorHandle) => TensorHandle;
type Binary = (a: TensorHandle, b: Operand) => TensorHandle;
type Loss = (prediction: TensorHandle, target: TensorHandle) => TensorHandle;

export interface TorchAddon extends AddonBase {
  // making
  fromBuffer(buffer: ArrayBuffer, byteOffset: number, shape: readonly number[], dtype: DType): TensorHandle;
  full(shape: readonly number[], value: number, dtype: DType, device: string): TensorHandle;
  arange(end: number, dtype: DType, device: string): TensorHandle;
  uniform(shape: readonly number[], low: number, high: number, generator: GeneratorHandle): TensorHandle;
  normal(shape: readonly number[], mean: number, deviation: number, generator: GeneratorHandle): TensorHandle;
  randperm(length: number, generator: GeneratorHandle): TensorHandle;
  bernoulli(shape: readonly number[], probability: number, generator: GeneratorHandle): TensorHandle;
  maskAt(shape: readonly number[], places: TensorHandle): TensorHandle;
  integers(shape: readonly number[], end: number, dtype: DType, generator: GeneratorHandle): TensorHandle;

  // asking
  shape(x: TensorHandle): number[];
  dtype(x: TensorHandle): DType;
  device(x: TensorHandle): DeviceName;
  isLive(x: TensorHandle): boolean;
  item(x: TensorHandle): number;
  /** Copies the elements, row major, into a buffer of exactly their size. */
  copyTo(x: TensorHandle, buffer: ArrayBuffer, byteOffset: number, byteLength: number): void;
  release(x: TensorHandle): void;

  // autograd
  requiresGrad(x: TensorHandle): boolean;
  setRequiresGrad(x: TensorHandle, requires: boolean): void;
  backward(x: TensorHandle): void;
  grad(x: TensorHandle): TensorHandle | undefined;
  clearGrad(x: TensorHandle): void;
  gradEnabled(): boolean;
  setGradEnabled(enabled: boolean): void;
  detach: Unary;

  // shape and place
  to(x: TensorHandle, device: string, dtype: DType): TensorHandle;
  clone: Unary;
  contiguous: Unary;
  copyFrom(target: TensorHandle, source: TensorHandle): void;
  reshape(x: TensorHandle, shape: readonly number[]): TensorHandle;
  permute(x: TensorHandle, axes: readonly number[]): TensorHandle;
  unsqueeze(x: TensorHandle, axis: number): TensorHandle;
  squeeze(x: TensorHandle, axis: number): TensorHandle;
  expand(x: TensorHandle, shape: readonly number[]): TensorHandle;
  select(x: TensorHandle, axis: number, index: number): TensorHandle;
  slice(x: TensorHandle, axis: number, start: number, end: number): TensorHandle;
  indexSelect(x: TensorHandle, axis: number, indices: TensorHandle): TensorHandle;
  concat(xs: readonly TensorHandle[], axis: number): TensorHandle;
  stack(xs: readonly TensorHandle[], axis: number): TensorHandle;

  // arithmetic
  add: Binary;
  subtract: Binary;
  multiply: Binary;
  divide: Binary;
  equal: Binary;
  greater: Binary;
  less: Binary;
  pow(x: TensorHandle, exponent: number): TensorHandle;
  clamp(x: TensorHandle, low: number, high: number): TensorHandle;
  negate: Unary;
  exp: Unary;
  log: Unary;
  sqrt: Unary;
  abs: Unary;
  matmul(a: TensorHandle, b: TensorHandle): TensorHandle;
  sum(x: TensorHandle, axes: readonly number[], keepAxes: boolean): TensorHandle;
  mean(x: TensorHandle, axes: readonly number[], keepAxes: boolean): TensorHandle;
  max(x: TensorHandle, axis: number): TensorHandle;
  argmax(x: TensorHandle, axis: number): TensorHandle;
  where(condition: TensorHandle, x: TensorHandle, otherwise: Operand): TensorHandle;
  nonzero(x: TensorHandle): TensorHandle;

  // activations
  relu: Unary;
  leakyRelu(x: TensorHandle, negativeSlope: number): TensorHandle;
  gelu: Unary;
  silu: Unary;
  tanh: Unary;
  sigmoid: Unary;
  softmax(x: TensorHandle, axis: number): TensorHandle;
  logSoftmax(x: TensorHandle, axis: number): TensorHandle;
  dropout(x: TensorHandle, probability: number, generator: GeneratorHandle): TensorHandle;

  // layers
  embedding(indices: TensorHandle, weight: TensorHandle): TensorHandle;
  linear(x: TensorHandle, weight: TensorHandle, bias: TensorHandle): TensorHandle;
  conv1d(
    x: TensorHandle,
    weight: TensorHandle,
    bias: TensorHandle,
    stride: number,
    padding: number,
    dilation: number,
    groups: number,
  ): TensorHandle;
  conv2d(
    x: TensorHandle,
    weight: TensorHandle,
    bias: TensorHandle,
    stride: number,
    padding: number,
  ): TensorHandle;
  convTranspose2d(
    x: TensorHandle,
    weight: TensorHandle,
    bias: TensorHandle,
    stride: number,
    padding: number,
    outputPadding: number,
  ): TensorHandle;
  batchNorm(
    x: TensorHandle,
    weight: TensorHandle,
    bias: TensorHandle,
    runningMean: TensorHandle,
    runningVariance: TensorHandle,
    training: boolean,
    momentum: number,
    epsilon: number,
  ): TensorHandle;
  /** (N, T, C). `bfloat16`: products in that type. */
  sequenceConv(
    x: TensorHandle,
    weight: TensorHandle,
    bias: TensorHandle,
    stride: number,
    padding: number,
    dilation: number,
    groups: number,
    bfloat16: boolean,
  ): TensorHandle;
  /** (N, T, C). */
  sequenceMaxPool(x: TensorHandle, window: number): TensorHandle;
  /** Over the last axis. */
  layerNorm(x: TensorHandle, weight: TensorHandle, bias: TensorHandle, epsilon: number): TensorHandle;
  /** `weights`: four tensors a direction (input, hidden, input bias, hidden bias). `bfloat16`: products in that type. */
  lstm(
    x: TensorHandle,
    weights: readonly TensorHandle[],
    hiddenSize: number,
    bfloat16: boolean,
  ): TensorHandle;
  maxPool1d(x: TensorHandle, window: number): TensorHandle;
  maxPool2d(x: TensorHandle, window: number): TensorHandle;

  // losses, each the mean over its elements
  bceWithLogits: Loss;
  crossEntropy: Loss;
  /** (N), not their mean. `target`: int64 classes (N), or probabilities (N, K). */
  crossEntropyRows(logits: TensorHandle, target: TensorHandle, labelSmoothing: number): TensorHandle;
  /** (N), not their mean. */
  klDivergenceRows: Loss;
  nll: Loss;
  l1: Loss;
  mse: Loss;

  // generators
  makeGenerator(device: string, seed: bigint): GeneratorHandle;
  seedGenerator(generator: GeneratorHandle, seed: bigint): void;
  generatorState(generator: GeneratorHandle): Uint8Array;
  setGeneratorState(generator: GeneratorHandle, state: Uint8Array): void;

  // Adam
  makeAdam(
    parameters: readonly TensorHandle[],
    learningRate: number,
    beta1: number,
    beta2: number,
    epsilon: number,
    weightDecays: readonly number[],
    clipNorm: number,
  ): AdamHandle;
  /** average += share (tensor - average), pair by pair. */
  updateAverages(averages: readonly TensorHandle[], tensors: readonly TensorHandle[], share: number): void;
  adamStep(adam: AdamHandle): void;
  adamZeroGrad(adam: AdamHandle): void;
  adamSteps(adam: AdamHandle): number;
  setAdamLearningRate(adam: AdamHandle, learningRate: number): void;
  /** First and second moment of each parameter, in the order of the parameters. */
  adamMoments(adam: AdamHandle): TensorHandle[];
  setAdamState(adam: AdamHandle, steps: number, moments: readonly TensorHandle[]): void;

  // process and environment
  info(): TorchInfo;
  cudaDevices(): string[];
  setThreads(count: number): void;
  /** Handles of this thread that hold a tensor, and the bytes of their elements. */
  live(): { count: number; bytes: number };
}

// Read once, by the libraries that libtorch brings in: threads that wait sleep instead of spinning. No slower on free
// cores, and several times faster on cores that others use too, be it OpenMP's threads and OpenBLAS's. (A worker thread's
// environment is a copy that the libraries do not see: what loads libtorch first decides.)
const WAITING: Readonly<Record<string, string>> = {
  OMP_WAIT_POLICY: "passive",
  // Spins for 2^20 cycles, half a millisecond, not 2^26.
  OPENBLAS_THREAD_TIMEOUT: "20",
};

let addon: TorchAddon | undefined;

/**
 * The addon, loaded at the first call: importing bindings/torch needs no libtorch.
 * @throws ERR_TORCH_MISSING, which says how to get libtorch, where the addon was not built or does not load.
 */
export function torch(): TorchAddon {
  if (addon !== undefined) {
    return addon;
  }
  const unset = Object.keys(WAITING).filter((name) => process.env[name] === undefined);
  for (const name of unset) {
    process.env[name] = WAITING[name];
  }
  try {
    addon = loadAddon<TorchAddon>("flowglyph_torch");
    return addon;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FlowglyphError(
      "ERR_TORCH_MISSING",
      "Training needs libtorch, and the torch addon is not there. Get libtorch in one of three ways: " +
        "`apt-get install libtorch-dev libopenblas0-pthread` (Debian), `pip install torch`, or unpack one and set " +
        `FLOWGLYPH_TORCH to its folder; then build the addon. (${reason})`,
      { cause },
    );
  } finally {
    for (const name of unset) {
      delete process.env[name];
    }
  }
}
