// Sessions and images -> verdicts, through ONNX Runtime in worker threads. Needs neither libtorch nor the torch addon.
export { type Classifier, type ClassifierOptions, modelFile, openClassifier } from "./classifier.ts";
export { classifySessions, type VerdictBatch } from "./classify-sessions.ts";
export type { Scores } from "./messages.ts";
