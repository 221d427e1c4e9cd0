// What every other strategy has to beat.
import { shuffle } from "../../dataset/random.ts";
import type { Strategy } from "../strategy.ts";

export const random: Strategy = {
  name: "random",
  about: "any, all alike",
  needsModel: false,
  choose: async ({ count }, n, generator) =>
    shuffle(
      Uint32Array.from({ length: count }, (_, i) => i),
      generator,
    ).slice(0, n),
};
