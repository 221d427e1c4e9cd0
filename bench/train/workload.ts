// What every peer trains: CLGAN's first weights, images with labels, and noise, in files that any language reads.
// All arrays are little-endian; where each weight begins is in workload.json.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Generator, scope, Tensor } from "../../bindings/torch/index.ts";
import { seededRandom } from "../../src/dataset/random.ts";
import { noiseSize } from "../../src/models/generator.ts";
import { createModel } from "../../src/models/registry.ts";
import { pytorchName } from "../../test/models/pytorch-names.ts";

export interface Workload {
  /** Images of one step. */
  readonly batch: number;
  readonly threads: number;
  readonly classes: number;
  /** In images.bin (uint8, 784 each) and labels.bin (int64): an epoch's worth. */
  readonly images: number;
  /** Steps of each phase that are compared before anything is timed; noise.bin holds their noise, float32 (B, 100) each. */
  readonly checkedSteps: number;
  readonly learningRate: number;
  /** Of the timed steps. Those that are compared drop nothing: no two libraries draw alike. */
  readonly dropout: number;
  /** weights.bin, float32. */
  readonly weights: readonly { name: string; pytorch: string; shape: readonly number[]; offset: number }[];
}

/** The seed of the noise, and of the generator that draws it again in flowglyph's own step. */
export const NOISE_SEED = 5;
export const MODEL_SEED = 3;

export function writeWorkload(folder: string, sizes: Omit<Workload, "weights">): Workload {
  mkdirSync(folder, { recursive: true });
  const random = seededRandom(11);
  // Rows of a class have a bright band of their own, over noise: losses that move.
  const labels = BigInt64Array.from({ length: sizes.images }, (_, i) => BigInt(i % sizes.classes));
  const images = Uint8Array.from({ length: sizes.images * 784 }, (_, i) => {
    const band = Math.floor(((i % 784) / 784) * sizes.classes);
    return (random.next() & 63) + (band === Math.floor(i / 784) % sizes.classes ? 192 : 0);
  });
  const { root } = createModel("clgan", {}, { classes: sizes.classes, seed: MODEL_SEED });
  let offset = 0;
  const weights = [...root.members()].map(([name, parameter]) => {
    const weight = { name, pytorch: pytorchName(name), shape: parameter.shape, offset };
    offset += parameter.elements;
    return weight;
  });
  const values = new Float32Array(offset);
  for (const [i, state] of [...root.stateDict().values()].entries()) values.set(state, weights[i]!.offset);
  const noise = scope(() => {
    const drawn = new Generator("cpu", NOISE_SEED);
    const steps = Array.from({ length: sizes.checkedSteps }, () =>
      Tensor.uniform([sizes.batch, noiseSize], -1, 1, drawn),
    );
    return Tensor.concat(steps, 0).toFloat32Array();
  });
  for (const [name, array] of Object.entries({ images, labels, weights: values, noise })) {
    writeFileSync(join(folder, `${name}.bin`), new Uint8Array(array.buffer));
  }
  const workload = { ...sizes, weights };
  writeFileSync(join(folder, "workload.json"), JSON.stringify(workload));
  return workload;
}
