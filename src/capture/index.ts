// Captures -> async batches of sessions.
export { formatAddress } from "./address.ts";
export {
  type CaptureList,
  expandInputs,
  type InputCapture,
  isCaptureName,
  listCaptures,
} from "./inputs.ts";
export { type FileSummary, type InspectSummary, inspect } from "./inspect.ts";
export {
  CAPTURE_DEFAULTS,
  type CaptureOptions,
  type CaptureProgress,
  MASKS,
  type Mask,
  VIEWS,
  type View,
} from "./options.ts";
export { type SessionBatch, sessionAddress, sessions } from "./sessions.ts";
export type { CaptureSummary } from "./summary.ts";
