// Captures -> async batches of sessions.
export { formatAddress } from "./address.ts";
export { completeExtraction, imageDifference, type RecordedExtraction } from "./extraction.ts";
export {
  type CaptureList,
  expandInputs,
  type InputCapture,
  type InputFailure,
  isCaptureName,
  listCaptures,
} from "./inputs.ts";
export { type FileSummary, type InspectSummary, inspect } from "./inspect.ts";
export { linktypeName } from "./linktypes.ts";
export { isLive } from "./live.ts";
export {
  END_REASONS,
  type EndReason,
  INPUT_METHODS,
  type InputMethod,
  LAYERS,
  type Layer,
  MASKS,
  type Mask,
  ORDERS,
  type Order,
  PROTOCOLS,
  type Protocol,
  protocolName,
  SKIP_REASONS,
  type SkipReason,
  TUNNELS,
  type Tunnel,
  VIEWS,
  type View,
} from "./names.ts";
export {
  CAPTURE_DEFAULTS,
  type CaptureOptions,
  type CaptureProgress,
  type Decap,
  isResolved,
  type ProtocolList,
  resolveCaptureOptions,
} from "./options.ts";
export type { CaptureBytes, CaptureSource } from "./pushed-input.ts";
export { type SessionBatch, sessionAddress, sessions } from "./sessions.ts";
export {
  type CaptureSummary,
  type FragmentCounts,
  sessionCount,
  sumSummaries,
  type TcpCounts,
} from "./summary.ts";
