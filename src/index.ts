// The public library, by stage. Training has an entry of its own (`flowglyph/training`), because it needs libtorch.
export { FlowglyphError, type FlowglyphErrorCode } from "../bindings/errors.ts";
export {
  type CaptureOptions,
  type CaptureProgress,
  type CaptureSummary,
  expandInputs,
  type FileSummary,
  formatAddress,
  type InspectSummary,
  inspect,
  MASKS,
  type Mask,
  type SessionBatch,
  sessionAddress,
  sessions,
  VIEWS,
  type View,
} from "./capture/index.ts";
export {
  type Classifier,
  type ClassifierOptions,
  classifySessions,
  openClassifier,
  type Scores,
  type VerdictBatch,
} from "./inference/index.ts";
