// The vocabulary of models: modules, layers, backends. Losses and the libtorch backend load libtorch at first use only.

export type { Backend, LstmWeights, ParameterSpec } from "./backend.ts";
export { BatchNorm } from "./layers/batch-norm.ts";
export { ConvTranspose2d, type TransposedConvolutionOptions } from "./layers/conv-transpose2d.ts";
export { Conv1d, type ConvolutionOptions } from "./layers/conv1d.ts";
export { Conv2d } from "./layers/conv2d.ts";
export { Dropout } from "./layers/dropout.ts";
export { Linear } from "./layers/linear.ts";
export { Lstm } from "./layers/lstm.ts";
export * as losses from "./losses.ts";
export { Module, type StateDict } from "./module.ts";
export { type Initializer, Parameter, type ParameterStorage } from "./parameter.ts";
export { TorchBackend } from "./torch-backend.ts";
