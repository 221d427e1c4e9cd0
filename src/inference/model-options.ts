// Which options of extraction a model brings, and which it wants to be told.
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import {
  CAPTURE_DEFAULTS,
  type CaptureOptions,
  type ProtocolList,
  protocolNumbers,
  type ResolvedCaptureOptions,
  resolveCaptureOptions,
} from "../capture/options.ts";
import type { ModelMetadata } from "../onnx/metadata.ts";

// What the model says goes; what it does not know may be told, and has a default where one is harmless.
const MODEL_OPTIONS = {
  view: undefined,
  mask: undefined,
  order: undefined,
  decap: CAPTURE_DEFAULTS.decap,
  protocols: CAPTURE_DEFAULTS.protocols,
  idleTimeout: CAPTURE_DEFAULTS.idleTimeout,
  activeTimeout: CAPTURE_DEFAULTS.activeTimeout,
  closeTimeout: CAPTURE_DEFAULTS.closeTimeout,
} as const;

/** `options` with all that the model knows. @throws ERR_ARGUMENT where they contradict it, or lack what it does not know */
export function withModelOptions(options: CaptureOptions, model: ModelMetadata): CaptureOptions {
  const given = resolveCaptureOptions(options);
  const matched = Object.entries(MODEL_OPTIONS).map(([field, otherwise]) => {
    const name = field as keyof typeof MODEL_OPTIONS;
    const known = model[name] === "unknown" ? undefined : (model[name] ?? undefined);
    const value = options[name] === undefined ? undefined : given[name];
    if (known === undefined) return [name, value ?? otherwise ?? untold(name, given)];
    // Fewer protocols are a part of what the model knows.
    if (name === "protocols" && value !== undefined && isPart(given.protocols, model.protocols))
      return [name, value];
    // Payload has an order in view l7 alone.
    const matters = name !== "order" || model.view === "l7" || model.view === "unknown";
    if (value !== undefined && matters && String(value) !== String(known))
      throw invalidArgument(name, `${known}, as the model has it`, options[name]);
    return [name, known];
  });
  return { ...options, ...Object.fromEntries(matched) };
}

function isPart(some: ProtocolList, all: ProtocolList | "unknown"): boolean {
  if (all === "unknown") return true;
  const known = new Set(protocolNumbers(all));
  return protocolNumbers(some).every((protocol) => known.has(protocol));
}

function untold(name: string, { view }: ResolvedCaptureOptions): unknown {
  if (name === "order" && view !== "l7") return CAPTURE_DEFAULTS.order;
  throw new FlowglyphError(
    "ERR_ARGUMENT",
    `Expected options.${name}: the model does not know the ${name} of the images that it was trained on`,
  );
}

/** Whether two models want the same images of the same sessions. */
export function wantSameSessions(one: ModelMetadata, other: ModelMetadata): boolean {
  return Object.keys(MODEL_OPTIONS).every((field) => {
    const name = field as keyof typeof MODEL_OPTIONS;
    return String(one[name]) === String(other[name]);
  });
}
