// Images as short vectors whose distances follow how many bytes differ: every (place, byte value) has a random vector of
// signs, and an image is the sum of its 784 (a random projection of the one-hot bytes; Achlioptas, JCSS 66, 2003).
import { seededRandom } from "../dataset/random.ts";
import { IMAGE_BYTES } from "../dataset/types.ts";

export const SKETCH_LENGTH = 32;

/** uint8 [count, 784] -> float32 [count, 32]. The same for the same images on every machine. */
export async function sketches(images: Uint8Array, pause: () => Promise<void>): Promise<Float32Array> {
  const random = seededRandom(0, 500);
  const signs = Int32Array.from({ length: IMAGE_BYTES * 256 }, () => random.next()); // 32 signs a word
  const count = images.length / IMAGE_BYTES;
  const result = new Float32Array(count * SKETCH_LENGTH);
  const ones = new Int32Array(SKETCH_LENGTH);
  for (let row = 0; row < count; row++) {
    if (row % 512 === 0) await pause();
    ones.fill(0);
    for (let place = 0; place < IMAGE_BYTES; place++) {
      const word = signs[place * 256 + images[row * IMAGE_BYTES + place]!]!;
      for (let bit = 0; bit < SKETCH_LENGTH; bit++) ones[bit]! += (word >>> bit) & 1;
    }
    for (let bit = 0; bit < SKETCH_LENGTH; bit++)
      result[row * SKETCH_LENGTH + bit] = 2 * ones[bit]! - IMAGE_BYTES;
  }
  return result;
}

/** Squared Euclidean distance. */
export function sketchesApart(a: Float32Array, i: number, b: Float32Array, j: number): number {
  let sum = 0;
  for (let k = 0; k < SKETCH_LENGTH; k++) sum += (a[i * SKETCH_LENGTH + k]! - b[j * SKETCH_LENGTH + k]!) ** 2;
  return sum;
}
