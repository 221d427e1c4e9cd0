// The part of @tensorflow/tfjs that its peer uses. The package is no dependency of flowglyph: its own types are not here when
// types are checked.
export interface Tensor {
  readonly shape: number[];
  readonly size: number;
  add(other: Tensor | number): Tensor;
  sub(other: Tensor | number): Tensor;
  mul(other: Tensor | number): Tensor;
  div(other: Tensor | number): Tensor;
  matMul(other: Tensor): Tensor;
  reshape(shape: number[]): Tensor;
  transpose(axes: number[]): Tensor;
  sigmoid(): Tensor;
  tanh(): Tensor;
  toFloat(): Tensor;
  clone(): Tensor;
  dataSync(): Float32Array;
}

export interface Variable extends Tensor {
  readonly trainable: boolean;
  assign(value: Tensor): void;
}

interface Optimizer {
  minimize(f: () => Tensor, returnCost: boolean, variables: Variable[]): Tensor | null;
}

export interface Module {
  readonly version_core?: string;
  readonly version: Record<string, string>;
  getBackend(): string;
  tensor(values: Float32Array | Int32Array, shape: readonly number[], dtype?: "float32" | "int32"): Tensor;
  tensor1d(values: Int32Array, dtype: "int32"): Tensor;
  oneHot(indices: Tensor, depth: number): Tensor;
  zeros(shape: number[]): Tensor;
  fill(shape: number[], value: number): Tensor;
  randomUniform(shape: number[], low: number, high: number): Tensor;
  variable(initial: Tensor, trainable: boolean): Variable;
  tidy<T>(body: () => T): T;
  moments(x: Tensor, axes: number[]): { mean: Tensor; variance: Tensor };
  batchNorm(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    offset: Tensor,
    scale: Tensor,
    epsilon: number,
  ): Tensor;
  conv1d(x: Tensor, filter: Tensor, stride: number, padding: "same"): Tensor;
  conv2dTranspose(
    x: Tensor,
    filter: Tensor,
    outputShape: number[],
    strides: number,
    padding: number,
    rounding: "floor",
  ): Tensor;
  leakyRelu(x: Tensor, slope: number): Tensor;
  tanh(x: Tensor): Tensor;
  dropout(x: Tensor, rate: number): Tensor;
  unstack(x: Tensor, axis: number): Tensor[];
  split(x: Tensor, parts: number, axis: number): Tensor[];
  readonly losses: {
    sigmoidCrossEntropy(labels: Tensor, logits: Tensor): Tensor;
    softmaxCrossEntropy(labels: Tensor, logits: Tensor): Tensor;
  };
  readonly train: { adam(rate: number, beta1: number, beta2: number, epsilon: number): Optimizer };
}
