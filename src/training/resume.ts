// Whether what is given now is what a run was started with.
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { FlowglyphError } from "../../bindings/errors.ts";
import type { Dataset, Split } from "../dataset/types.ts";
import type { TrainingConfig } from "./config.ts";
import { datasetDigest } from "./run-folder.ts";

// Only when something is saved depends on these, never what is computed.
const FREE_KEYS = ["checkpointSeconds"];

/**
 * The config to continue with: the run's own. Keys that are given must say the same (`device: "auto"` agrees with all).
 * @throws ERR_ARGUMENT naming every key that differs
 */
export function checkResume(saved: TrainingConfig, given: Partial<TrainingConfig>): TrainingConfig {
  const differing = Object.entries(given).filter(([key, value]) => {
    if (value === undefined || FREE_KEYS.includes(key) || (key === "device" && value === "auto"))
      return false;
    return !isDeepStrictEqual(value, saved[key as keyof TrainingConfig]);
  });
  if (differing.length > 0) {
    const list = differing.map(
      ([key, value]) =>
        `${key} was ${JSON.stringify(saved[key as keyof TrainingConfig])}, now ${JSON.stringify(value)}`,
    );
    throw new FlowglyphError(
      "ERR_ARGUMENT",
      `Expected the options that the run was started with, but ${list.join("; ")}`,
    );
  }
  return { ...saved, checkpointSeconds: given.checkpointSeconds ?? saved.checkpointSeconds };
}

/** sha256 of all that the weights depend on: config, images, labels, row numbers. */
export function runFingerprint(dataset: Dataset, split: Split, config: TrainingConfig): string {
  const computed = Object.entries(config).filter(([key]) => !FREE_KEYS.includes(key));
  const hash = createHash("sha256").update(JSON.stringify(computed)).update(datasetDigest(dataset));
  for (const rows of [split.labelled, split.validation, split.unlabelled, split.test]) {
    hash.update(`${rows.length}:`).update(new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength));
  }
  return hash.digest("hex");
}

/** @throws ERR_CHECKPOINT unless the checkpoint in `run` belongs to what is to be continued. */
export function checkFingerprint(saved: string, wanted: string, run: string): void {
  if (saved === wanted) return;
  throw new FlowglyphError(
    "ERR_CHECKPOINT",
    `Expected the config.json, dataset and split that ${run} was started with, but at least one option, image, label or row differs`,
  );
}
