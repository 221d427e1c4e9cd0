// 128-bit hashes of images, for finding equal ones. MurmurHash3's mixing on 32-bit words, four lanes; not cryptographic:
// whoever uses it compares the bytes too, so that a collision costs time and never a wrong answer.
import { IMAGE_BYTES } from "./types.ts";

const WORDS = IMAGE_BYTES / 4; // 196 = 4 lanes x 49

/** The four 32-bit words of a hash. */
export type ImageHash = Int32Array;

/** Images as 32-bit words: a view where the bytes are aligned, else a copy. */
export function imageWords(images: Uint8Array): Int32Array {
  const aligned = images.byteOffset % 4 === 0 ? images : images.slice();
  return new Int32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >> 2);
}

/** Writes the hash of the image at `row` into `out` (4 words). */
export function hashImage(words: Int32Array, row: number, seed: number, out: ImageHash): void {
  let a = seed;
  let b = seed ^ 0x9e3779b9;
  let c = seed ^ 0x85ebca6b;
  let d = seed ^ 0xc2b2ae35;
  const end = (row + 1) * WORDS;
  for (let i = row * WORDS; i < end; i += 4) {
    a = Math.imul(rotate(a ^ scramble(words[i]!), 19), 5) + b;
    b = Math.imul(rotate(b ^ scramble(words[i + 1]!), 17), 5) + c;
    c = Math.imul(rotate(c ^ scramble(words[i + 2]!), 15), 5) + d;
    d = Math.imul(rotate(d ^ scramble(words[i + 3]!), 13), 5) + a;
  }
  a = finish(a + b);
  b = finish(b + c + a);
  c = finish(c + d + b);
  d = finish(d + a + c);
  out[0] = a;
  out[1] = b;
  out[2] = c;
  out[3] = d;
}

/** The hash of one image as text: `x` and 32 hexadecimal digits, so that no spreadsheet takes it for a number. */
export function imageDigest(images: Uint8Array, row: number): string {
  const hash: ImageHash = new Int32Array(4);
  hashImage(imageWords(images.slice(row * IMAGE_BYTES, (row + 1) * IMAGE_BYTES)), 0, 0, hash);
  return `x${Array.from(hash, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("")}`;
}

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));
const scramble = (word: number): number => Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);

function finish(value: number): number {
  let h = value ^ (value >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
