// k-center, greedily: each next session is the one farthest from all that are labelled or chosen (Sener, Savarese, "Active
// Learning for Convolutional Neural Networks: A Core-Set Approach", ICLR 2018), by bytes that differ.
import { randomBelow } from "../../dataset/random.ts";
import { IMAGE_BYTES } from "../../dataset/types.ts";
import { sketches, sketchesApart } from "../sketch.ts";
import type { Strategy } from "../strategy.ts";

export const coreSet: Strategy = {
  name: "core-set",
  about: "the farthest, by bytes, from all that are labelled or chosen",
  needsModel: false,
  async choose({ count, images, known }, n, random, pause) {
    const vectors = await sketches(images, pause);
    const labelled = await sketches(known, pause);
    const nearest = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
    const approach = async (other: Float32Array, row: number) => {
      await pause();
      for (let i = 0; i < count; i++)
        if (nearest[i]! >= 0) nearest[i] = Math.min(nearest[i]!, sketchesApart(vectors, i, other, row));
    };
    for (let row = 0; row < known.length / IMAGE_BYTES; row++) await approach(labelled, row);
    const chosen = new Uint32Array(n);
    for (let step = 0; step < n; step++) {
      let next = step === 0 && known.length === 0 ? randomBelow(random, count) : 0;
      for (let i = 0; i < count; i++) if (nearest[i]! > nearest[next]!) next = i;
      chosen[step] = next;
      nearest[next] = -1;
      await approach(vectors, next);
    }
    return chosen;
  },
};
