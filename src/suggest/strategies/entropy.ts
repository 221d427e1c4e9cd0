// Largest entropy of the model's probabilities.
import { entropyDoubt, largest } from "../doubt.ts";
import type { Strategy } from "../strategy.ts";

export const entropy: Strategy = {
  name: "entropy",
  about: "the least sure among all classes",
  needsModel: true,
  choose: async (candidates, n) => largest(entropyDoubt(candidates), n),
};
