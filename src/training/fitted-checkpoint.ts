// All that a fitted model's run needs to continue to the same bits, as one safetensors file: what the model keeps, as
// model/<name>, and in the header's metadata `flowglyph` the run's fingerprint and how far it is, as JSON.
import { readFile } from "node:fs/promises";
import { FlowglyphError } from "../../bindings/errors.ts";
import type { FittedState } from "../models/fitted.ts";
import { writeAtomically } from "./atomic-file.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";

export interface FittedCheckpoint {
  /** Digest of what the run was started with: a checkpoint continues no other. */
  readonly fingerprint: string;
  /** Wall-clock seconds spent so far. */
  readonly seconds: number;
  /** Parts of the work that are done. */
  readonly steps: number;
  /** Nothing is left to do. */
  readonly done: boolean;
  readonly state: FittedState;
}

const FORMAT = "fitted 1";
const PREFIX = "model/";

export async function saveFittedCheckpoint(path: string, checkpoint: FittedCheckpoint): Promise<void> {
  const { state, ...position } = checkpoint;
  const tensors = new Map(
    [...state].map(([name, data]) => [`${PREFIX}${name}`, { shape: [data.length], data }] as const),
  );
  const metadata = { flowglyph: JSON.stringify({ format: FORMAT, ...position }) };
  await writeAtomically(path, encodeSafetensors({ tensors, metadata }));
}

/** @throws ERR_CHECKPOINT where it is damaged or a network's, ERR_IO where it cannot be read. */
export async function loadFittedCheckpoint(path: string): Promise<FittedCheckpoint> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new FlowglyphError("ERR_IO", `Cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  const { tensors, metadata } = decodeSafetensors(bytes, path);
  const position = parsePosition(metadata.flowglyph, path);
  const state = new Map(
    [...tensors]
      .filter(([name]) => name.startsWith(PREFIX))
      .map(([name, { data }]) => [name.slice(PREFIX.length), data] as const),
  );
  return { ...position, state };
}

function parsePosition(text: string | undefined, path: string): Omit<FittedCheckpoint, "state"> {
  let value: Partial<FittedCheckpoint & { format: string }> = {};
  try {
    value = JSON.parse(text ?? "") as typeof value;
  } catch (cause) {
    throw new FlowglyphError("ERR_CHECKPOINT", `${path} holds no training state of flowglyph`, { cause });
  }
  const { format, fingerprint, seconds, steps, done } = value;
  const whole =
    typeof fingerprint === "string" &&
    typeof seconds === "number" &&
    typeof steps === "number" &&
    typeof done === "boolean";
  if (format !== FORMAT || !whole) {
    throw new FlowglyphError(
      "ERR_CHECKPOINT",
      `Expected checkpoint format ${JSON.stringify(FORMAT)} in ${path} but received ${JSON.stringify(format)}`,
    );
  }
  return { fingerprint, seconds, steps, done };
}
