// What a model's forward pass may use. The forward pass is written once against this interface: one implementation
// computes on libtorch (src/nn/torch-backend.ts), one writes an ONNX graph (src/onnx/tracing-backend.ts).
// To add an operation: one method here, one in each implementation, one row in their comparison test.

/** A named, trainable (or running-statistics) array of a module; `path` is unique in its model, e.g. `conv1.weight`. */
export interface ParameterSpec {
  readonly path: string;
  readonly shape: readonly number[];
}

/** Weights of one LSTM direction in libtorch's layout and gate order (input, forget, cell, output). */
export interface LstmWeights<T> {
  readonly inputHidden: T; // (4H, I)
  readonly hiddenHidden: T; // (4H, H)
  readonly inputBias: T; // (4H)
  readonly hiddenBias: T; // (4H)
}

export interface Convolution1dOptions {
  readonly stride: number;
  readonly padding: number;
  /** Distance of the kernel's taps; 1 where it is left out. */
  readonly dilation?: number;
  /** Groups of channels that see only their own group; 1 where it is left out, as many as channels is depthwise. */
  readonly groups?: number;
}

/** Added to the square of a length that is divided by: no vector is shorter than its root. */
export const SMALLEST_SQUARE = 1e-12;

export interface Backend<T, P extends ParameterSpec = ParameterSpec> {
  /** True while dropout drops and batch norm uses batch statistics. */
  readonly training: boolean;
  /** A module's parameter as a value of this backend. */
  parameter(parameter: P): T;
  /** uint8 -> float32, same shape. */
  toFloat(x: T): T;
  /** x * scale + shift, element by element. */
  affine(x: T, scale: number, shift: number): T;
  add(a: T, b: T): T;
  multiply(a: T, b: T): T;
  /** Batched matrix product over the last two axes. */
  matmul(a: T, b: T): T;
  /** (N, I), (O, I), (O) -> (N, O). */
  linear(x: T, weight: T, bias: T): T;
  /** Rows of `weight` (V, E) at integer indices of any shape, uint8 too -> (..., E). */
  embedding(indices: T, weight: T): T;
  /**
   * uint8 (N, L) -> int32 (N, L - 1): each byte with the one after it, 256 * first + second. An index, without gradient.
   */
  bytePairs(bytes: T): T;
  /** uint8 (N, L) -> int32 (N, count): 256 * position + byte, of the first `count` bytes. An index, without gradient. */
  bytePositions(bytes: T, count: number): T;
  /** int32 (N, L), (V, E) -> (N, E): the sum of the rows at the L indices of each. */
  sumOfRows(indices: T, rows: T): T;
  /** (N, C, L), (O, C / groups, K), (O) -> (N, O, L'). */
  conv1d(x: T, weight: T, bias: T, options: Convolution1dOptions): T;
  /** As `conv1d` with features last, as an embedding or an LSTM has them: (N, T, C) -> (N, T', O). Faster on a CPU. */
  sequenceConv(x: T, weight: T, bias: T, options: Convolution1dOptions): T;
  /** (N, C, H, W), (O, C, K, K), (O) -> (N, O, H', W'). */
  conv2d(x: T, weight: T, bias: T, options: { stride: number; padding: number }): T;
  /** (N, C, H, W), (C, O, K, K), (O) -> (N, O, H', W'). */
  convTranspose2d(
    x: T,
    weight: T,
    bias: T,
    options: { stride: number; padding: number; outputPadding: number },
  ): T;
  /** Batch normalisation over axis 1 of (N, C, ...); running statistics are updated in training. */
  batchNorm(
    x: T,
    weight: T,
    bias: T,
    runningMean: T,
    runningVariance: T,
    options: { momentum: number; epsilon: number },
  ): T;
  /** Layer normalisation over the last axis of (..., C); weight and bias (C). */
  layerNorm(x: T, weight: T, bias: T, options: { epsilon: number }): T;
  /**
   * One LSTM layer, batch first: (N, T, I) -> (N, T, D * H), D = number of directions (1, or 2 with the reverse second).
   * Initial states are zero.
   */
  lstm(x: T, directions: readonly LstmWeights<T>[], hiddenSize: number): T;
  /** Max pooling of (N, C, L) with window = stride. */
  maxPool1d(x: T, window: number): T;
  /** Max pooling of (N, T, C) over its steps with window = stride. */
  sequenceMaxPool(x: T, window: number): T;
  /** Max pooling of (N, C, H, W) with window = stride. */
  maxPool2d(x: T, window: number): T;
  dropout(x: T, probability: number): T;
  relu(x: T): T;
  leakyRelu(x: T, negativeSlope: number): T;
  /** x Phi(x), exactly: Phi by the error function. */
  gelu(x: T): T;
  /** x sigmoid(x). */
  silu(x: T): T;
  tanh(x: T): T;
  sigmoid(x: T): T;
  softmax(x: T, axis: number): T;
  /** At most one -1; the batch axis is always given as -1. */
  reshape(x: T, shape: readonly number[]): T;
  permute(x: T, axes: readonly number[]): T;
  /** One index of one axis, the axis removed; a negative index counts from the end. */
  select(x: T, axis: number, index: number): T;
  /** From `start` up to and without `end` of one axis; both within it. */
  slice(x: T, axis: number, start: number, end: number): T;
  concat(xs: readonly T[], axis: number): T;
  /** Mean over one axis, the axis removed. */
  mean(x: T, axis: number): T;
  /** Maximum over one axis, the axis removed. */
  max(x: T, axis: number): T;
  /** Each vector of the last axis scaled to length 1; one of zeros stays so. */
  normalize(x: T): T;
}
