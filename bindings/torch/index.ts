// The torch addon's public face: tensors with gradients, generators, Adam, devices. Imports nothing from src/.

export { Adam, type AdamOptions, type AdamState, updateAverages } from "./adam.ts";
export {
  cudaAvailable,
  cudaDevices,
  liveTensors,
  resolveDevice,
  setThreads,
  torchAvailable,
  torchInfo,
} from "./devices.ts";
export { Generator } from "./generator.ts";
export type { DeviceName, DType, TensorData, TorchInfo } from "./native.ts";
export { noGrad, scope } from "./scope.ts";
export { type Operand, Tensor } from "./tensor.ts";
