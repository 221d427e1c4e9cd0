// A hash table of images that are held elsewhere: find the number of an equal image, or remember a new one.
// Open addressing over typed arrays: 20 bytes an image, no object per entry.
import { hashImage, type ImageHash } from "./image-hash.ts";
import { IMAGE_BYTES } from "./types.ts";

const WORDS = IMAGE_BYTES / 4;

/** Where an image's words are: the array and its row there. */
export interface ImagePlace {
  readonly words: Int32Array;
  readonly row: number;
}

export class ImageIndex {
  readonly #seed: number;
  readonly #placeOf: (id: number) => ImagePlace;
  #slots = new Int32Array(1024).fill(-1);
  #ids = 0;
  /** Four words for each image, by id. */
  #hashes = new Int32Array(4 * 512);
  readonly #hash: ImageHash = new Int32Array(4);

  /**
   * @param placeOf where the image of an id lies: ids are 0, 1, 2 ... in the order of `add`
   * @param seed of the hash
   */
  constructor(placeOf: (id: number) => ImagePlace, seed = 0) {
    this.#placeOf = placeOf;
    this.#seed = seed | 0;
  }

  /** The id of the first equal image, or -1 where there is none. */
  find(words: Int32Array, row: number): number {
    hashImage(words, row, this.#seed, this.#hash);
    return this.#slots[this.#slotOf(words, row)]!;
  }

  /** The id of the first equal image; where there is none, -1, and the image takes the next id. */
  findOrAdd(words: Int32Array, row: number): number {
    hashImage(words, row, this.#seed, this.#hash);
    const slot = this.#slotOf(words, row);
    const found = this.#slots[slot]!;
    if (found >= 0) return found;
    if (4 * this.#ids === this.#hashes.length) this.#hashes = grow(this.#hashes);
    this.#hashes.set(this.#hash, 4 * this.#ids);
    this.#slots[slot] = this.#ids++;
    if (2 * this.#ids > this.#slots.length) this.#rehash();
    return -1;
  }

  /** The slot of an equal image, or the free slot where it belongs. Load stays below one half. */
  #slotOf(words: Int32Array, row: number): number {
    const mask = this.#slots.length - 1;
    let slot = this.#hash[0]! & mask;
    for (;;) {
      const id = this.#slots[slot]!;
      if (id < 0 || (this.#sameHash(id) && this.#sameBytes(id, words, row))) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #sameHash(id: number): boolean {
    for (let i = 0; i < 4; i++) if (this.#hashes[4 * id + i] !== this.#hash[i]) return false;
    return true;
  }

  #sameBytes(id: number, words: Int32Array, row: number): boolean {
    const place = this.#placeOf(id);
    const [a, b] = [place.row * WORDS, row * WORDS];
    for (let i = 0; i < WORDS; i++) if (place.words[a + i] !== words[b + i]) return false;
    return true;
  }

  #rehash(): void {
    const slots = new Int32Array(2 * this.#slots.length).fill(-1);
    const mask = slots.length - 1;
    for (let id = 0; id < this.#ids; id++) {
      let slot = this.#hashes[4 * id]! & mask;
      while (slots[slot]! >= 0) slot = (slot + 1) & mask;
      slots[slot] = id;
    }
    this.#slots = slots;
  }
}

function grow(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * array.length);
  larger.set(array);
  return larger;
}
