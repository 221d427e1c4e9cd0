// Models -> ONNX files, and what those files say about themselves. Imports no torch.
export { CHECK_BATCHES, largestDifference, runModel, TOLERANCE } from "./check.ts";
export { type ExportCheck, exportModelFile, exportOnnx } from "./export.ts";
export { fittedGraph } from "./fitted-graph.ts";
export { OPSET } from "./graph.ts";
export {
  type Agreement,
  type CalibrationSummary,
  type DistilledSummary,
  type JsonValue,
  METADATA_KEY,
  type ModelMetadata,
  parseModelMetadata,
  readModelMetadata,
  type TrainingSummary,
} from "./metadata.ts";
export { measureSpeeds, SPEED_BATCH, type SpeedOptions } from "./speed.ts";
export {
  INPUT_NAME,
  logitsGraph,
  OUTPUT_NAME,
  type ReadableParameter,
  type Traceable,
  traceModel,
} from "./trace.ts";
