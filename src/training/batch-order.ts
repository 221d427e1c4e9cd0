// In which order the rows of a phase are seen: an endless sequence of passes over them, each shuffled anew, cut into
// batches of one size. A batch may reach over the end of a pass, so that no row is left out and no batch is short.
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";
import { type Random, shuffle } from "../dataset/random.ts";

/** Where an order stands: enough to continue with exactly the rows that would have come. */
export interface BatchOrderState {
  /** State of the generator before the present pass was shuffled. */
  readonly random: readonly number[];
  /** Rows of the present pass that were given out. */
  readonly position: number;
}

export class BatchOrder {
  readonly #rows: Uint32Array;
  readonly #random: Random;
  #passRandom: readonly number[];
  #pass: Uint32Array;
  #position = 0;

  constructor(rows: Uint32Array, random: Random) {
    this.#rows = rows;
    this.#random = random;
    this.#passRandom = random.getState();
    this.#pass = shuffle(rows.slice(), random);
  }

  static resume(rows: Uint32Array, state: BatchOrderState): BatchOrder {
    const order = new BatchOrder(rows, xoroshiro128plusFromState(state.random));
    order.#position = state.position;
    return order;
  }

  state(): BatchOrderState {
    return { random: this.#passRandom, position: this.#position };
  }

  /** The next rows. `size` is at most the number of rows. */
  next(size: number): Uint32Array {
    const batch = new Uint32Array(size);
    for (let filled = 0; filled < size; ) {
      if (this.#position === this.#pass.length) {
        this.#passRandom = this.#random.getState();
        this.#pass = shuffle(this.#rows.slice(), this.#random);
        this.#position = 0;
      }
      const part = this.#pass.subarray(this.#position, this.#position + size - filled);
      batch.set(part, filled);
      filled += part.length;
      this.#position += part.length;
    }
    return batch;
  }
}
