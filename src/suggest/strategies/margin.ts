// Least margin between the two most probable classes (Scheffer, Decomain, Wrobel, "Active Hidden Markov Models for Information
// Extraction", IDA 2001).
import { largest, marginDoubt } from "../doubt.ts";
import type { Strategy } from "../strategy.ts";

export const margin: Strategy = {
  name: "margin",
  about: "the least sure between two classes",
  needsModel: true,
  choose: async (candidates, n) => largest(marginDoubt(candidates), n),
};
