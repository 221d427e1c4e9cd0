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
  distill: "distill.json",
  teacher: "teacher.safetensors",
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

/** sha256 of the images alone: a run's rows are those of a dataset with the same images, whatever their labels are by now. */
export function imagesDigest({ images }: Pick<Dataset, "images">): string {
  return createHash("sha256").update(images).digest("hex");
}

const PARTS = ["labelled", "validation", "unlabelled", "test"] as const;

export async function writeRunSplit(run: string, split: Split, dataset: Dataset): Promise<void> {
  const parts = Object.fromEntries(PARTS.map((part) => [part, [...split[part]]]));
  await writeJson(runPath(run, "split"), {
    formatVersion: 1,
    dataset: { images: dataset.count, sha256: datasetDigest(dataset), imagesSha256: imagesDigest(dataset) },
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
  const { images, sha256, imagesSha256 } = made as { images: number; sha256: string; imagesSha256?: string };
  if (sha256 !== datasetDigest(dataset)) {
    const same = imagesSha256 === imagesDigest(dataset);
    throw new FlowglyphError(
      "ERR_SPLIT",
      same
        ? `Expected the labels that ${path} was made with, but those of the dataset are others: give the run's --label-file`
        : `Expected the dataset of ${images} images that ${path} was made for but received another one, of ${dataset.count}`,
    );
  }
  return splitOf(saved);
}

/**
 * The split of a run whose images are those of `dataset`, whatever labels the dataset has by now; undefined where they are
 * other images, or the run is of a version that did not say.
 */
export async function readRunRows(run: string, dataset: Dataset): Promise<Split | undefined> {
  const { dataset: made, ...saved } = (await readJson(runPath(run, "split"))) as Record<string, unknown>;
  const { sha256, imagesSha256 } = made as { sha256: string; imagesSha256?: string };
  const same =
    imagesSha256 === undefined ? sha256 === datasetDigest(dataset) : imagesSha256 === imagesDigest(dataset);
  return same ? splitOf(saved) : undefined;
}

function splitOf({ formatVersion: _version, ...saved }: Record<string, unknown>): Split {
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
