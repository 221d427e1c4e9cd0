// What a student learns from: the run of a trained model, and its probabilities for the rows of a dataset, computed once
// through ONNX Runtime and kept in the student's folder, so that a resumed run need not ask again.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { FlowglyphError } from "../../bindings/errors.ts";
import { imageDifference } from "../capture/extraction.ts";
import { gatherImages } from "../dataset/dataset.ts";
import { makeSplit } from "../dataset/split.ts";
import { type Dataset, IMAGE_BYTES, type Split } from "../dataset/types.ts";
import { Classifier } from "../inference/classifier.ts";
import { type ModelMetadata, parseModelMetadata } from "../onnx/metadata.ts";
import { systemReason } from "../system-error.ts";
import { writeAtomically } from "./atomic-file.ts";
import type { TrainingConfig } from "./config.ts";
import { RUN_FILES, readRunConfig, readRunRows, runPath } from "./run-folder.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";

export interface Teacher {
  /** The run's folder, as it was given. */
  readonly run: string;
  readonly model: Uint8Array;
  /** Of `model`. */
  readonly sha256: string;
  readonly metadata: ModelMetadata;
  readonly config: TrainingConfig;
}

/** @throws ERR_ARGUMENT where `run` is no folder of a whole run; ERR_IO, ERR_MODEL_FORMAT */
export async function readTeacher(run: string): Promise<Teacher> {
  const missing = (["model", "config", "split"] as const).filter((file) => !existsSync(runPath(run, file)));
  if (missing.length > 0) {
    throw new FlowglyphError(
      "ERR_ARGUMENT",
      `Expected the folder of a trained run but ${run} holds no ${missing.map((file) => RUN_FILES[file]).join(", no ")}`,
    );
  }
  const path = runPath(run, "model");
  const model = await readFile(path).catch((cause: unknown) => {
    throw new FlowglyphError("ERR_IO", `Cannot read ${path}: ${systemReason(cause)}`, { cause });
  });
  const metadata = parseModelMetadata(model, path);
  const sha256 = createHash("sha256").update(model).digest("hex");
  return { run, model, sha256, metadata, config: await readRunConfig(run) };
}

/** @throws ERR_MODEL_FORMAT where the dataset's images are of another kind than the teacher's, ERR_LABELS of other classes */
export function checkSameTask({ run, metadata }: Teacher, { manifest, classes }: Dataset): void {
  const field = imageDifference(metadata, manifest);
  if (field !== undefined) {
    throw new FlowglyphError(
      "ERR_MODEL_FORMAT",
      `Expected images of ${field} ${metadata[field]}, as the model of ${run} was trained on, but the dataset has ${field} ${manifest[field]}`,
    );
  }
  if (metadata.classes.join("\n") !== classes.join("\n")) {
    throw new FlowglyphError(
      "ERR_LABELS",
      `Expected the classes of ${run} (${metadata.classes.join(", ")}) but the dataset has ${classes.join(", ") || "none"}`,
    );
  }
}

/**
 * The teacher's own test, validation and labelled rows, where the dataset holds its images, and as `unlabelled` all other
 * rows that are not of the test part; of another dataset a split of the same kind.
 */
export async function distillationSplit({ run, config }: Teacher, dataset: Dataset): Promise<Split> {
  const own = await readRunRows(run, dataset);
  if (own === undefined) {
    const kind = config.split === "group" && dataset.groups !== undefined ? "group" : "random";
    const { testShare, seed } = config;
    const split = makeSplit(dataset, { kind, testShare, seed, labels: "all", validationShare: 0.1 });
    const warning = `the dataset is not the one that ${run} was trained on: the test part may hold what the teacher has learned from`;
    return { ...split, warnings: [...(split.warnings ?? []), warning] };
  }
  const taken = new Uint8Array(dataset.count);
  for (const rows of [own.labelled, own.validation, own.test, dataset.testRows ?? []]) {
    for (const row of rows) taken[row] = 1;
  }
  const heldGroups = new Set(own.testGroups.map((name) => dataset.groupNames.indexOf(name)));
  const inTest = (row: number) => dataset.groups !== undefined && heldGroups.has(dataset.groups[row]!);
  const free = Uint32Array.from({ length: dataset.count }, (_, row) => row);
  return { ...own, unlabelled: free.filter((row) => taken[row] === 0 && !inTest(row)) };
}

export interface AskOptions {
  readonly threads: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (done: number, rows: number) => void;
}

// Images under way at once: progress moves, and an abort is heard.
const CHUNK = 2048;
const CACHE = "probabilities";

/**
 * float32 [rows.length, K] of `rows`: from `path`, where they were kept by an earlier call for the same images and teacher,
 * else asked of the teacher and kept there.
 */
export async function teacherProbabilities(
  { model, sha256, metadata }: Teacher,
  dataset: Dataset,
  rows: Uint32Array,
  path: string,
  options: AskOptions,
): Promise<Float32Array<ArrayBuffer>> {
  const images = gatherImages(dataset, rows);
  const asked = createHash("sha256").update(sha256).update(images).digest("hex");
  const classes = metadata.classes.length;
  const kept = existsSync(path) ? decodeSafetensors(await readFile(path), path) : undefined;
  const known = kept?.tensors.get(CACHE)?.data;
  if (kept?.metadata.asked === asked && known instanceof Float32Array)
    return known as Float32Array<ArrayBuffer>;
  const result = await ask(model, images, classes, options);
  const tensors = new Map([[CACHE, { shape: [rows.length, classes], data: result }]]);
  await writeAtomically(path, encodeSafetensors({ tensors, metadata: { asked } }));
  return result;
}

async function ask(
  model: Uint8Array,
  images: Uint8Array,
  classes: number,
  { threads, signal, onProgress }: AskOptions,
): Promise<Float32Array<ArrayBuffer>> {
  const count = images.length / IMAGE_BYTES;
  const result = new Float32Array(count * classes);
  const classifier = await Classifier.load(model, { workers: threads, batch: 64 });
  try {
    for (let start = 0; start < count; start += CHUNK) {
      onProgress?.(start, count);
      const part = images.subarray(start * IMAGE_BYTES, (start + CHUNK) * IMAGE_BYTES);
      const { probabilities } = await classifier.predict(part, { signal });
      result.set(probabilities, start * classes);
    }
  } finally {
    await classifier.close();
  }
  onProgress?.(count, count);
  return result;
}
