// What trees split on besides bytes: relative factors (session-factors.ts) in 256 steps each, from one end of what the learned
// rows have to the other. A tree knows steps, its ONNX nodes the factors' values at their edges: the same rows go left.

import { IMAGE_BYTES } from "../dataset/types.ts";
import type { Threshold } from "./forest-model.ts";

const STEPS = 256;
// The step that ends at 0.
const MIDDLE = 127;

/** Greatest value, float32, of a step of a factor whose greatest magnitude is `reach`. */
const edge = (reach: number, step: number) => Math.fround((reach * (step - MIDDLE)) / (STEPS / 2));

/**
 * Greatest magnitudes of the columns.
 * @param factors float32 [N, width]
 * @returns float32 [width]
 */
export function reachOf(factors: Float32Array, width: number): Float32Array {
  const reach = new Float32Array(width);
  for (const [i, factor] of factors.entries())
    reach[i % width] = Math.max(reach[i % width]!, Math.abs(factor));
  return reach;
}

/**
 * What trees are grown on and asked with: the bytes, then the factors' steps.
 * @param images uint8 [N, 784]
 * @param factors float32 [N, reach.length]
 * @returns uint8 [N, 784 + reach.length]
 */
export function treeFeatures(images: Uint8Array, factors: Float32Array, reach: Float32Array): Uint8Array {
  const rows = images.length / IMAGE_BYTES;
  const width = IMAGE_BYTES + reach.length;
  const features = new Uint8Array(rows * width);
  for (let row = 0; row < rows; row++) {
    features.set(images.subarray(row * IMAGE_BYTES, (row + 1) * IMAGE_BYTES), row * width);
    for (const [j, most] of reach.entries())
      features[row * width + IMAGE_BYTES + j] = stepOf(factors[row * reach.length + j]!, most);
  }
  return features;
}

/** How many edges lie below: 0 to 255. */
function stepOf(factor: number, reach: number): number {
  const near = reach > 0 ? Math.floor((factor / reach) * (STEPS / 2)) + MIDDLE : 0;
  let step = Math.max(0, Math.min(STEPS - 1, near));
  while (step > 0 && edge(reach, step - 1) >= factor) step--;
  while (step < STEPS - 1 && edge(reach, step) < factor) step++;
  return step;
}

/** Of features as treeFeatures lays them out. */
export const thresholdOf =
  (reach: Float32Array): Threshold =>
  (feature, threshold) =>
    feature < IMAGE_BYTES ? threshold : edge(reach[feature - IMAGE_BYTES]!, threshold);
