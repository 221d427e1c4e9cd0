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
  /** (N, C, L), (O, C, K), (O) -> (N, O, L'). */
  conv1d(x: T, weight: T, bias: T, options: { stride: number; padding: number }): T;
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
  /**
   * One LSTM layer, batch first: (N, T, I) -> (N, T, D * H), D = number of directions (1, or 2 with the reverse second).
   * Initial states are zero.
   */
  lstm(x: T, directions: readonly LstmWeights<T>[], hiddenSize: number): T;
  /** Max pooling of (N, C, L) with window = stride. */
  maxPool1d(x: T, window: number): T;
  /** Max pooling of (N, C, H, W) with window = stride. */
  maxPool2d(x: T, window: number): T;
  dropout(x: T, probability: number): T;
  relu(x: T): T;
  leakyRelu(x: T, negativeSlope: number): T;
  tanh(x: T): T;
  sigmoid(x: T): T;
  softmax(x: T, axis: number): T;
  /** At most one -1; the batch axis is always given as -1. */
  reshape(x: T, shape: readonly number[]): T;
  permute(x: T, axes: readonly number[]): T;
  /** One index of one axis, the axis removed; a negative index counts from the end. */
  select(x: T, axis: number, index: number): T;
  concat(xs: readonly T[], axis: number): T;
  /** Mean over one axis, the axis removed. */
  mean(x: T, axis: number): T;
}
