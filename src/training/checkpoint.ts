// All that a run needs to continue to the same bits, as one safetensors file:
//   model/<parameter>            weights and running statistics
//   best/<parameter>             those of the best validated epoch so far, in a supervised phase
//   average/<parameter>          averages of the weights over the phase's steps, where the phase has them
//   adam/<optimizer>/<i>         first and second moments, in the order of Adam.state()
//   random                       state of torch's generator (device noise, dropout)
//   sums                         what the present epoch's steps recorded so far
// and in the header's metadata `flowglyph`: position, data order, best score, history, as JSON.
import { readFile } from "node:fs/promises";
import { FlowglyphError } from "../../bindings/errors.ts";
import type { AdamState } from "../../bindings/torch/index.ts";
import type { StateDict } from "../nn/module.ts";
import { writeAtomically } from "./atomic-file.ts";
import type { BatchOrderState } from "./batch-order.ts";
import type { BestEpoch } from "./early-stop.ts";
import type { EpochRecord } from "./history.ts";
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from "./safetensors.ts";

/** The part of a checkpoint that is JSON. */
export interface Position {
  /** Index of the phase that runs, or the number of phases after the last one. */
  readonly phaseIndex: number;
  /** The epoch that runs, from 1. */
  readonly epoch: number;
  /** Steps of that epoch that are done. */
  readonly step: number;
  /** Wall-clock seconds spent in that epoch. */
  readonly seconds: number;
  /** Data orders of the phase; absent before its first step. */
  readonly order: BatchOrderState | undefined;
  readonly unlabelledOrder: BatchOrderState | undefined;
  readonly best: BestEpoch | undefined;
  readonly history: readonly EpochRecord[];
}

export interface Checkpoint extends Position {
  readonly weights: StateDict;
  readonly bestWeights: StateDict | undefined;
  readonly average?: StateDict | undefined;
  readonly optimizers: ReadonlyMap<string, AdamState>;
  readonly random: Uint8Array;
  readonly sums: ReadonlyMap<string, number>;
  /** Digests of what the run was started with: a checkpoint continues no other. */
  readonly fingerprint: string;
}

const FORMAT_VERSION = 1;

interface Header {
  readonly formatVersion: number;
  readonly fingerprint: string;
  readonly position: Position;
  readonly sumNames: readonly string[];
  readonly adamSteps: Readonly<Record<string, number>>;
}

/** `shapes` of the weights are for other tools that open the file. */
export async function saveCheckpoint(
  path: string,
  checkpoint: Checkpoint,
  shapes: ReadonlyMap<string, readonly number[]>,
): Promise<void> {
  const { weights, bestWeights, average, optimizers, random, sums, fingerprint, ...position } = checkpoint;
  const tensors = new Map<string, NamedTensor>();
  const add = (name: string, data: NamedTensor["data"], shape: readonly number[] = [data.length]) =>
    tensors.set(name, { shape, data });
  for (const [name, values] of weights) add(`model/${name}`, values, shapes.get(name));
  for (const [name, values] of bestWeights ?? []) add(`best/${name}`, values, shapes.get(name));
  for (const [name, values] of average ?? []) add(`average/${name}`, values, shapes.get(name));
  const adamSteps: Record<string, number> = {};
  for (const [name, state] of optimizers) {
    adamSteps[name] = state.steps;
    for (const [i, moment] of state.moments.entries()) add(`adam/${name}/${i}`, moment);
  }
  add("random", random);
  add("sums", Float32Array.from(sums.values()));
  const header: Header = {
    formatVersion: FORMAT_VERSION,
    fingerprint,
    position,
    sumNames: [...sums.keys()],
    adamSteps,
  };
  await writeAtomically(
    path,
    encodeSafetensors({ tensors, metadata: { flowglyph: JSON.stringify(header) } }),
  );
}

/** @returns undefined where there is no file; ERR_CHECKPOINT where it is damaged, ERR_IO where it cannot be read. */
export async function loadCheckpoint(path: string): Promise<Checkpoint | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new FlowglyphError("ERR_IO", `Cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  const { tensors, metadata } = decodeSafetensors(bytes, path);
  const header = parseHeader(metadata.flowglyph, path);
  const floats = (name: string): Float32Array => {
    const data = tensors.get(name)?.data;
    if (data instanceof Float32Array) return data;
    throw new FlowglyphError("ERR_CHECKPOINT", `Expected ${path} to hold float32 values for ${name}`);
  };
  const group = (prefix: string): StateDict => {
    const names = [...tensors.keys()].filter((name) => name.startsWith(prefix));
    return new Map(names.map((name) => [name.slice(prefix.length), floats(name)]));
  };
  const random = tensors.get("random")?.data;
  if (!(random instanceof Uint8Array)) {
    throw new FlowglyphError("ERR_CHECKPOINT", `Expected ${path} to hold the state of the random generator`);
  }
  const best = group("best/");
  const average = group("average/");
  const sums = floats("sums");
  return {
    ...header.position,
    fingerprint: header.fingerprint,
    weights: group("model/"),
    bestWeights: best.size > 0 ? best : undefined,
    average: average.size > 0 ? average : undefined,
    optimizers: new Map(
      Object.entries(header.adamSteps).map(([name, steps]) => {
        const moments = [...group(`adam/${name}/`)].sort(([a], [b]) => Number(a) - Number(b));
        return [name, { steps, moments: moments.map(([, values]) => values) }];
      }),
    ),
    random,
    sums: new Map(header.sumNames.map((name, i) => [name, sums[i] ?? 0])),
  };
}

function parseHeader(text: string | undefined, path: string): Header {
  let header: Header | undefined;
  try {
    header = JSON.parse(text ?? "");
  } catch (cause) {
    throw new FlowglyphError("ERR_CHECKPOINT", `${path} holds no training state of flowglyph`, { cause });
  }
  if (header?.formatVersion !== FORMAT_VERSION || header.position === undefined) {
    throw new FlowglyphError(
      "ERR_CHECKPOINT",
      `Expected checkpoint format ${FORMAT_VERSION} in ${path} but received ${header?.formatVersion}`,
    );
  }
  return header;
}
