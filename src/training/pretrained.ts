// The weights at the end of a run's phases without labels, as one safetensors file, so that runs with other label budgets
// start from them instead of training them again:
//   model/<parameter>   what those phases trained, and buffers; other parameters (the classifier's last layer) start fresh
//   pool/rows           int32: the rows whose images were seen, of the dataset that `images` in the header names
//   pool/hashes         uint8 [n, 16]: their images' hashes, for runs on another dataset
// and in the header's metadata `flowglyph`: what the weights belong to, as JSON.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { FlowglyphError } from "../../bindings/errors.ts";
import { imageAt } from "../dataset/dataset.ts";
import type { Dataset, Split } from "../dataset/types.ts";
import type { TrainableModel } from "../models/model.ts";
import type { StateDict } from "../nn/module.ts";
import { systemReason } from "../system-error.ts";
import { writeAtomically } from "./atomic-file.ts";
import type { TrainingConfig } from "./config.ts";
import { poolRows } from "./phase-plan.ts";
import { runPath } from "./run-folder.ts";
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from "./safetensors.ts";

const FORMAT_VERSION = 1;
const HASH_BYTES = 16;

/** What a run must have in common with the one that it starts from. */
interface Lineage {
  readonly model: string;
  readonly modelOptions: TrainingConfig["modelOptions"];
  readonly recipe: TrainingConfig["recipe"];
}

interface Header extends Lineage {
  readonly formatVersion: number;
  /** sha256 of the dataset's images: `pool/rows` are rows of that one. */
  readonly images: string;
  /** Of the run that made it, for people. */
  readonly seed: number;
  readonly pretrainEpochs: number;
}

const lineageOf = ({ model, modelOptions, recipe }: TrainingConfig): Lineage => ({
  model,
  modelOptions,
  recipe,
});

export async function savePretrained(
  run: string,
  { model, dataset, split, config }: PretrainedSetup,
): Promise<void> {
  const trained = new Set(
    model.phases
      .filter(({ data }) => data === "all")
      .flatMap(({ optimizers }) => Object.values(optimizers))
      .flatMap(({ parameters }) => parameters),
  );
  const tensors = new Map<string, NamedTensor>();
  for (const [path, parameter] of model.root.members()) {
    if (!parameter.trainable || trained.has(parameter)) {
      tensors.set(`model/${path}`, { shape: parameter.shape, data: parameter.values() });
    }
  }
  const rows = poolRows(split);
  tensors.set("pool/rows", { shape: [rows.length], data: Int32Array.from(rows) });
  tensors.set("pool/hashes", { shape: [rows.length, HASH_BYTES], data: imageHashes(dataset, rows) });
  const header: Header = {
    formatVersion: FORMAT_VERSION,
    ...lineageOf(config),
    images: imagesDigest(dataset),
    seed: config.seed,
    pretrainEpochs: config.pretrainEpochs,
  };
  const parts = encodeSafetensors({ tensors, metadata: { flowglyph: JSON.stringify(header) } });
  await writeAtomically(runPath(run, "pretrained"), parts);
}

export interface PretrainedSetup {
  readonly model: TrainableModel;
  readonly dataset: Dataset;
  readonly split: Split;
  readonly config: TrainingConfig;
}

/**
 * Puts the weights of `config.pretrained` into the model.
 * @returns the split, with what a reader of the score must know among its warnings.
 * @throws ERR_IO (no such file), ERR_CHECKPOINT (damaged; another model, options or recipe), ERR_SPLIT (its pool held rows
 *   that test here).
 */
export async function startFromPretrained({
  model,
  dataset,
  split,
  config,
}: PretrainedSetup): Promise<Split> {
  const path = runPath(config.pretrained, "pretrained");
  const { header, weights, rows, hashes } = await readPretrained(path);
  for (const [key, value] of Object.entries(lineageOf(config))) {
    const saved = header[key as keyof Lineage];
    if (!isDeepStrictEqual(saved, value)) {
      throw new FlowglyphError(
        "ERR_CHECKPOINT",
        `Expected weights of ${key} ${JSON.stringify(value)} in ${path} but received those of ${JSON.stringify(saved)}`,
      );
    }
  }
  // Rows say it exactly. Of another dataset only the images can be compared.
  const same = header.images === imagesDigest(dataset);
  const pool = same ? new Set<number | string>(rows) : new Set<number | string>(hashNames(hashes));
  const seen = (part: Uint32Array) =>
    (same ? [...part] : hashNames(imageHashes(dataset, part))).filter((key) => pool.has(key)).length;
  const tested = seen(split.test);
  if (tested > 0) {
    throw new FlowglyphError(
      "ERR_SPLIT",
      `Expected a test part that the pre-training in ${config.pretrained} has not seen but ${tested} of its ${split.test.length} images were in that pool`,
    );
  }
  model.root.loadStateDict(new Map([...model.root.stateDict(), ...weights]));
  const validated = seen(split.validation);
  if (validated === 0) return split;
  const warning = `${validated} of ${split.validation.length} validation images were in the pool of the pre-training: they judge it less strictly than new ones`;
  return { ...split, warnings: [...(split.warnings ?? []), warning] };
}

async function readPretrained(path: string): Promise<{
  header: Header;
  weights: StateDict;
  rows: Int32Array;
  hashes: Uint8Array;
}> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new FlowglyphError(
      "ERR_IO",
      `Cannot read ${path}, which a run writes at the end of its phases without labels: ${systemReason(cause)}`,
      { cause },
    );
  }
  const { tensors, metadata } = decodeSafetensors(bytes, path);
  let header: Header | undefined;
  try {
    header = JSON.parse(metadata.flowglyph ?? "");
  } catch (cause) {
    throw new FlowglyphError("ERR_CHECKPOINT", `${path} holds no pre-training of flowglyph`, { cause });
  }
  const rows = tensors.get("pool/rows")?.data;
  const hashes = tensors.get("pool/hashes")?.data;
  if (
    header?.formatVersion !== FORMAT_VERSION ||
    !(rows instanceof Int32Array) ||
    !(hashes instanceof Uint8Array)
  ) {
    throw new FlowglyphError(
      "ERR_CHECKPOINT",
      `Expected ${path} to hold a pre-training in format ${FORMAT_VERSION} but received ${header?.formatVersion}`,
    );
  }
  const weights: StateDict = new Map();
  for (const [name, { data }] of tensors) {
    if (name.startsWith("model/") && data instanceof Float32Array) weights.set(name.slice(6), data);
  }
  return { header, weights, rows, hashes };
}

function imagesDigest({ images }: Dataset): string {
  return createHash("sha256").update(images).digest("hex");
}

/** uint8 [rows.length, 16]: the first half of each image's sha256. */
function imageHashes(dataset: Dataset, rows: Uint32Array): Uint8Array {
  const hashes = new Uint8Array(rows.length * HASH_BYTES);
  for (const [i, row] of rows.entries()) {
    const digest = createHash("sha256").update(imageAt(dataset, row)).digest();
    hashes.set(digest.subarray(0, HASH_BYTES), i * HASH_BYTES);
  }
  return hashes;
}

function hashNames(hashes: Uint8Array): string[] {
  const bytes = Buffer.from(hashes.buffer, hashes.byteOffset, hashes.byteLength);
  return Array.from({ length: hashes.length / HASH_BYTES }, (_, i) =>
    bytes.toString("latin1", i * HASH_BYTES, (i + 1) * HASH_BYTES),
  );
}
