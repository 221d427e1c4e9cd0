// Sessions and images -> verdicts, through ONNX Runtime off the calling thread. Needs neither libtorch nor the torch addon.
export type { Predictions, VerdictBatch, VerdictStream } from "./captures-to-verdicts.ts";
export {
  Classifier,
  type ClassifierOptions,
  type ClassifyOptions,
  type PredictOptions,
} from "./classifier.ts";
export { DEVICES, type Device } from "./device.ts";
export { ISOLATIONS, type Isolation } from "./host.ts";
export type { Scores } from "./messages.ts";
export { modelFile } from "./model-file.ts";
