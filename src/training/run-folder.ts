// The folder of a training run: what each file is called, and how others read it. Needs no torch.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FlowglyphError } from "../../bindings/errors.ts";
import type { Dataset, Split } from "../dataset/types.ts";
import { writeJson } from "./atomic-file.ts";
import { resolveConfig, type TrainingConfig } from "./config.ts";

export const RUN_FILES = {
  model: "model.onnx",
  config: "config.json",
  history: "history.jsonl",
  metrics: "metrics.json",
  split: "split.json",
  checkpoint: "checkpoint.safetensors",
  pretrained: "pretrained.safetensors",
} as const;

export function runPath(run: string, file: keyof typeof RUN_FILES): string {
  return join(run, RUN_FILES[file]);
}

/** The resolved config of a run: `train(..., { resume: true })` takes it as it is. */
export async function readRunConfig(run: string): Promise<TrainingConfig> {
  const path = runPath(run, "config");
  return resolveConfig((await readJson(path)) as Record<string, unknown>);
}

/** sha256 of the images and labels, which row numbers mean nothing without. */
export function datasetDigest(dataset: Dataset): string {
  const { images, labels } = dataset;
  const hash = createHash("sha256").update(JSON.stringify(dataset.classes)).update(images);
  return hash.update(new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength)).digest("hex");
}

const PARTS = ["labelled", "validation", "unlabelled", "test"] as const;

export async function writeRunSplit(run: string, split: Split, dataset: Dataset): Promise<void> {
  const parts = Object.fromEntries(PARTS.map((part) => [part, [...split[part]]]));
  await writeJson(runPath(run, "split"), {
    formatVersion: 1,
    dataset: { images: dataset.count, sha256: datasetDigest(dataset) },
    ...split,
    ...parts,
  });
}

/**
 * The split that a run was trained on, as row numbers of `dataset`.
 * @throws ERR_SPLIT where `dataset` is not the one that it was made for.
 */
export async function readRunSplit(run: string, dataset: Dataset): Promise<Split> {
  const path = runPath(run, "split");
  const { formatVersion, dataset: made, ...saved } = (await readJson(path)) as Record<string, unknown>;
  if (formatVersion !== 1) {
    throw new FlowglyphError("ERR_SPLIT", `Expected split format 1 in ${path} but received ${formatVersion}`);
  }
  const { images, sha256 } = made as { images: number; sha256: string };
  if (sha256 !== datasetDigest(dataset)) {
    throw new FlowglyphError(
      "ERR_SPLIT",
      `Expected the dataset of ${images} images that ${path} was made for but received another one, of ${dataset.count}`,
    );
  }
  const parts = PARTS.map((part) => [part, Uint32Array.from(saved[part] as number[])]);
  return { ...saved, ...Object.fromEntries(parts) } as Split;
}

async function readJson(path: string): Promise<unknown> {
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    if (typeof value === "object" && value !== null) return value;
    throw new Error("it holds no object");
  } catch (cause) {
    throw new FlowglyphError("ERR_IO", `Cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}
