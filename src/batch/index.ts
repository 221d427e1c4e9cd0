// Many captures as one job that can be stopped and gone on with.
export {
  type BatchOptions,
  type BatchProgress,
  type BatchReport,
  type CaptureFailure,
  classifyFiles,
} from "./classify-files.ts";
export { type CaptureKey, Journal } from "./journal.ts";
