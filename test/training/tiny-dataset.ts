// A learnable dataset of a few images: each class has a bright band of rows of its own, over noise.
import { countClasses, newManifest } from "../../src/dataset/dataset.ts";
import { seededRandom } from "../../src/dataset/random.ts";
import { makeSplit } from "../../src/dataset/split.ts";
import type { Dataset, Split } from "../../src/dataset/types.ts";
import { resolveConfig, splitOptions, type TrainingConfig } from "../../src/training/config.ts";

const CLASSES = ["chat", "mail", "voice"];

/** @param symbols Whether a class has byte values of its own, few of them, besides its place: for what reads symbols. */
export function tinyDataset(count = 90, seed = 1, symbols = false): Dataset {
  const random = seededRandom(seed);
  const images = new Uint8Array(count * 784);
  const labels = Int32Array.from({ length: count }, (_, i) => i % CLASSES.length);
  for (let i = 0; i < images.length; i++) {
    const band = Math.floor((i % 784) / 28 / 9);
    const label = labels[Math.floor(i / 784)]!;
    const bright = symbols ? 64 * (label + 1) : 192;
    images[i] = (random.next() & (symbols ? 7 : 63)) + (band === label ? bright : 0);
  }
  const manifest = newManifest({
    view: "l3",
    mask: "identity",
    idleTimeout: 120,
    activeTimeout: 1800,
    ...countClasses(labels, CLASSES),
  });
  return {
    count,
    images,
    labels,
    classes: CLASSES,
    groups: undefined,
    groupNames: [],
    columns: undefined,
    testRows: undefined,
    manifest,
  };
}

/** A run of CLGAN that takes seconds: 2 epochs of each phase, 3 steps each, and 6 of the second. */
export const TINY_CONFIG = {
  model: "clgan",
  labels: 36,
  validationShare: 0.25,
  batchSize: 12,
  pretrainEpochs: 2,
  epochs: 4,
  minEpochSteps: 3,
  threads: 1,
  device: "cpu",
  seed: 5,
} as const satisfies Partial<TrainingConfig>;

export function tinySplit(dataset: Dataset, config: Partial<TrainingConfig> = TINY_CONFIG): Split {
  return makeSplit(dataset, splitOptions(resolveConfig({ ...config })));
}
