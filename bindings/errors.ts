// The one error family of flowglyph. Codes are stable strings; messages say what, where, expected and received.

/** Stable error codes. A code never changes its meaning; new ones are added. */
export type FlowglyphErrorCode =
  | "ERR_ARGUMENT"
  | "ERR_ABORTED"
  | "ERR_ADDON_MISSING"
  | "ERR_TORCH_MISSING"
  | "ERR_DEVICE"
  | "ERR_TENSOR"
  | "ERR_IO"
  | "ERR_CAPTURE_FORMAT"
  | "ERR_DATASET_FORMAT"
  | "ERR_LABELS"
  | "ERR_SPLIT"
  | "ERR_MODEL_FORMAT"
  | "ERR_CHECKPOINT"
  | "ERR_DIVERGED"
  | "ERR_EXPORT_MISMATCH"
  | "ERR_INFERENCE";

/** An error that flowglyph raises on purpose: `code` is stable, `message` is for people. */
export class FlowglyphError extends Error {
  readonly code: FlowglyphErrorCode;
  constructor(code: FlowglyphErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "FlowglyphError";
    this.code = code;
  }
}

/** The one shape of argument errors: `Expected batchSize to be a positive integer but received -1`. */
export function invalidArgument(name: string, expected: string, received: unknown): FlowglyphError {
  const asJson = typeof received === "string" || Array.isArray(received);
  const shown = asJson ? JSON.stringify(received) : String(received);
  return new FlowglyphError("ERR_ARGUMENT", `Expected ${name} to be ${expected} but received ${shown}`);
}
