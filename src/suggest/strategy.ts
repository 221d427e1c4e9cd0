// What a strategy is: from the sessions that have no label it chooses those to label next. To add one: one file in
// strategies/, one line in registry.ts.
import type { Random } from "../dataset/random.ts";

/** The sessions to choose from. No two have the same image, and none has the image of a labelled one. */
export interface Candidates {
  readonly count: number;
  /** uint8 [count, 784]. */
  readonly images: Uint8Array;
  /** float32 [count, classes]; undefined where there is no model yet. */
  readonly probabilities: Float32Array | undefined;
  readonly classes: number;
  /** uint8 [M, 784]: images that are labelled already. */
  readonly known: Uint8Array;
}

export interface Strategy {
  readonly name: string;
  /** One line for people. */
  readonly about: string;
  /** Whether it asks for the model's probabilities. */
  readonly needsModel: boolean;
  /**
   * `n` different candidates, the most wanted first; n is at most their number.
   * @param pause To be awaited every some ten milliseconds of work: it gives way to the event loop, and throws where the work was aborted.
   */
  choose(candidates: Candidates, n: number, random: Random, pause: () => Promise<void>): Promise<Uint32Array>;
}
