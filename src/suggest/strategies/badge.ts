// After BADGE (Ash et al., "Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds", ICLR 2020): k-means++ over
// the gradients that the last layer would get if the verdict were the label, g = (p - onehot(verdict)) x features. A gradient
// is long where the model is unsure, and two point the same way where the same is unsure of like sessions. A model file shows
// no features; the bytes themselves take their place: their inner product is the share of equal bytes.
import { type Random, randomBelow } from "../../dataset/random.ts";
import { IMAGE_BYTES } from "../../dataset/types.ts";
import { bytesApart } from "../byte-distance.ts";
import type { Candidates, Strategy } from "../strategy.ts";

export const badge: Strategy = {
  name: "badge",
  about: "k-means++ over what the labels would teach: unsure, and unlike each other in classes and bytes",
  needsModel: true,
  async choose(candidates, n, random, pause) {
    const { count, classes, images } = candidates;
    const residuals = residualsOf(candidates);
    const squares = Float64Array.from({ length: count }, (_, i) => product(residuals, i, i, classes));
    const chosen = new Uint32Array(n);
    const nearest = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
    let next = squares.indexOf(squares.reduce((most, square) => Math.max(most, square), 0));
    for (let step = 0; step < n; step++) {
      chosen[step] = next;
      nearest[next] = -1;
      for (let i = 0; i < count; i++) {
        if (i % 4096 === 0) await pause();
        if (nearest[i]! < 0) continue;
        const alike = 1 - bytesApart(images, i, images, next) / IMAGE_BYTES;
        const apart = squares[i]! + squares[next]! - 2 * alike * product(residuals, i, next, classes);
        nearest[i] = Math.min(nearest[i]!, Math.max(0, apart));
      }
      if (step + 1 < n) next = drawn(nearest, random);
    }
    return chosen;
  },
};

/** float32 [count, classes]: p - onehot(argmax p). */
function residualsOf({ probabilities, count, classes }: Candidates): Float32Array {
  const residuals = Float32Array.from(probabilities!);
  for (let at = 0; at < count * classes; at += classes) {
    let best = at;
    for (let k = at; k < at + classes; k++) if (residuals[k]! > residuals[best]!) best = k;
    residuals[best]! -= 1;
  }
  return residuals;
}

function product(residuals: Float32Array, i: number, j: number, classes: number): number {
  let sum = 0;
  for (let k = 0; k < classes; k++) sum += residuals[i * classes + k]! * residuals[j * classes + k]!;
  return sum;
}

const STEPS = 2 ** 30;

/** A place, in proportion to its weight; negative weights are out. Where all are zero, the first that is not out. */
function drawn(weights: Float64Array, random: Random): number {
  let total = 0;
  for (const weight of weights) total += Math.max(0, weight);
  let left = (randomBelow(random, STEPS) / STEPS) * total;
  let last = weights.findIndex((weight) => weight >= 0);
  for (let i = 0; i < weights.length; i++) {
    if (weights[i]! <= 0) continue;
    last = i;
    left -= weights[i]!;
    if (left < 0) break;
  }
  return last;
}
