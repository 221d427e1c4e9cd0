// Typical of what is not labelled yet: as many clusters as there will be labels, and from the largest ones without a label the
// session in the densest place (TypiClust: Hacohen, Dekel, Weinshall, "Active Learning on a Budget", ICML 2022). It needs no
// model, and so serves for the first labels.
import { type Random, randomBelow, shuffle } from "../../dataset/random.ts";
import { IMAGE_BYTES } from "../../dataset/types.ts";
import { SKETCH_LENGTH, sketches, sketchesApart } from "../sketch.ts";
import type { Strategy } from "../strategy.ts";

// Beyond these a sample stands for all, and clusters grow instead of becoming more (TypiClust has 500 too).
const MOST_IMAGES = 8000;
const MOST_CLUSTERS = 500;
const ROUNDS = 10;
const NEIGHBOURS = 20;

export const typical: Strategy = {
  name: "typical",
  about: "the most typical of the largest clusters without a label; needs no model, so for the first labels",
  needsModel: false,
  async choose({ count, images, known }, n, random, pause) {
    const sample = shuffle(
      Uint32Array.from({ length: count }, (_, i) => i),
      random,
    )
      .slice(0, Math.max(MOST_IMAGES, n))
      .sort();
    const gathered = new Uint8Array(sample.length * IMAGE_BYTES + known.length);
    for (const [i, row] of sample.entries())
      gathered.set(images.subarray(row * IMAGE_BYTES, (row + 1) * IMAGE_BYTES), i * IMAGE_BYTES);
    gathered.set(known, sample.length * IMAGE_BYTES);
    const vectors = await sketches(gathered, pause);
    const rows = vectors.length / SKETCH_LENGTH;
    const labelled = rows - sample.length;
    const clusters = Math.min(n + labelled, MOST_CLUSTERS, rows);
    const memberOf = await cluster(vectors, rows, clusters, random, pause);
    const members: number[][] = Array.from({ length: clusters }, () => []);
    const labels = new Uint32Array(clusters);
    for (let row = 0; row < rows; row++) {
      if (row < sample.length) members[memberOf[row]!]!.push(row);
      else labels[memberOf[row]!]!++;
    }
    const chosen: number[] = [];
    while (chosen.length < n) {
      // Fewest labels first, then most sessions. Each choice is a label, so that the turn goes round.
      let best = -1;
      for (let c = 0; c < clusters; c++) {
        if (members[c]!.length === 0) continue;
        if (best < 0 || labels[c]! < labels[best]!) best = c;
        else if (labels[c] === labels[best] && members[c]!.length > members[best]!.length) best = c;
      }
      await pause();
      const place = densest(vectors, members[best]!);
      chosen.push(sample[members[best]![place]!]!);
      members[best]!.splice(place, 1);
      labels[best]!++;
    }
    return Uint32Array.from(chosen);
  },
};

/** k-means with the first centers by D^2 sampling (k-means++): the number of each vector's cluster. */
async function cluster(
  vectors: Float32Array,
  rows: number,
  count: number,
  random: Random,
  pause: () => Promise<void>,
): Promise<Uint32Array> {
  const centers = new Float32Array(count * SKETCH_LENGTH);
  const nearest = new Float64Array(rows).fill(Number.POSITIVE_INFINITY);
  const memberOf = new Uint32Array(rows);
  let next = randomBelow(random, rows);
  for (let c = 0; c < count; c++) {
    await pause();
    centers.set(vectors.subarray(next * SKETCH_LENGTH, (next + 1) * SKETCH_LENGTH), c * SKETCH_LENGTH);
    let total = 0;
    for (let row = 0; row < rows; row++) {
      const apart = sketchesApart(vectors, row, centers, c);
      if (apart < nearest[row]!) [nearest[row], memberOf[row]] = [apart, c];
      total += nearest[row]!;
    }
    let left = (randomBelow(random, 2 ** 30) / 2 ** 30) * total;
    next = 0;
    while (next < rows - 1 && left >= nearest[next]!) left -= nearest[next++]!;
  }
  for (let round = 0; round < ROUNDS; round++) {
    const sums = new Float64Array(centers.length);
    const sizes = new Uint32Array(count);
    for (let row = 0; row < rows; row++) {
      const c = memberOf[row]!;
      sizes[c]!++;
      for (let k = 0; k < SKETCH_LENGTH; k++)
        sums[c * SKETCH_LENGTH + k]! += vectors[row * SKETCH_LENGTH + k]!;
    }
    for (let at = 0; at < centers.length; at++) {
      const size = sizes[Math.floor(at / SKETCH_LENGTH)]!;
      if (size > 0) centers[at] = sums[at]! / size; // an empty cluster keeps its center
    }
    let moved = 0;
    for (let row = 0; row < rows; row++) {
      if (row % 256 === 0) await pause();
      let best = memberOf[row]!;
      let least = sketchesApart(vectors, row, centers, best);
      for (let c = 0; c < count; c++) {
        const apart = sketchesApart(vectors, row, centers, c);
        if (apart < least) [least, best] = [apart, c];
      }
      if (best !== memberOf[row]) moved++;
      memberOf[row] = best;
    }
    if (moved === 0) break;
  }
  return memberOf;
}

/** The place in `members` with the nearest neighbours among a few hundred of them; the first of equal ones. */
function densest(vectors: Float32Array, members: readonly number[]): number {
  const step = Math.max(1, Math.ceil(members.length / 300));
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (let place = 0; place < members.length; place += step) {
    const distances: number[] = [];
    for (let other = 0; other < members.length; other += step)
      if (other !== place) distances.push(sketchesApart(vectors, members[place]!, vectors, members[other]!));
    const near = distances.sort((a, b) => a - b).slice(0, NEIGHBOURS);
    const mean = near.reduce((sum, d) => sum + d, 0) / Math.max(1, near.length);
    if (mean < least) [least, best] = [mean, place];
  }
  return best;
}
