// The vocabulary of models: modules, layers, backends. Losses and the libtorch backend load libtorch at first use only.

export type { Backend, Convolution1dOptions, LstmWeights, ParameterSpec } from "./backend.ts";
export * as byteNoise from "./byte-noise.ts";
export { BatchNorm } from "./layers/batch-norm.ts";
export { ConvTranspose2d, type TransposedConvolutionOptions } from "./layers/conv-transpose2d.ts";
export { Conv1d, type Conv1dOptions, type ConvolutionOptions } from "./layers/conv1d.ts";
export { Conv2d } from "./layers/conv2d.ts";
export { Dropout } from "./layers/dropout.ts";
export { Embedding } from "./layers/embedding.ts";
export { LayerNorm } from "./layers/layer-norm.ts";
export { Linear } from "./layers/linear.ts";
export { Lstm } from "./layers/lstm.ts";
export { SequenceConv } from "./layers/sequence-conv.ts";
export * as losses from "./losses.ts";
export { Module, type StateDict } from "./module.ts";
export { type Initializer, Parameter, type ParameterStorage } from "./parameter.ts";
export { TorchBackend } from "./torch-backend.ts";
