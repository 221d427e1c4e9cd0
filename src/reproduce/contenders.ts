// Who is compared: a model with its options, under the name that tables use. The paper's, what may be asked beside them
// (the same network with the stable recipe, and without its pre-training), and the references that every score stands beside.
import type { TrainingConfig } from "../training/index.ts";

export interface Contender {
  /** In keys and files. */
  readonly name: string;
  /** In tables and figures. */
  readonly title: string;
  /** Row of the model registry. */
  readonly model: string;
  readonly training?: Partial<TrainingConfig>;
  /** Whether it learns from images without labels: the others' cells do not depend on the pool, and are shared. */
  readonly pool: boolean;
  /** Learns by gradient, in epochs. */
  readonly network: boolean;
  /** Begins with phases that use no labels, whose weights several trainings may start from. */
  readonly pretrains: boolean;
}

export const CONTENDERS = [
  { name: "clgan", title: "CLGAN", model: "clgan", pool: true, network: true, pretrains: true },
  { name: "dcgan", title: "DCGAN", model: "dcgan", pool: true, network: true, pretrains: true },
  { name: "ae", title: "AE", model: "ae", pool: true, network: true, pretrains: true },
  { name: "cnn-lstm", title: "CNN-LSTM", model: "cnn-lstm", pool: false, network: true, pretrains: false },
  { name: "bytesgan", title: "ByteSGAN", model: "bytesgan", pool: true, network: true, pretrains: false },
  {
    name: "clgan-stable",
    title: "CLGAN, stable recipe",
    model: "clgan",
    training: { recipe: "stable" },
    pool: true,
    network: true,
    pretrains: true,
  },
  {
    name: "clgan-scratch",
    title: "CLGAN from scratch",
    model: "clgan",
    training: { pretrainEpochs: 0 },
    pool: false,
    network: true,
    pretrains: false,
  },
  { name: "trees", title: "trees", model: "trees", pool: false, network: false, pretrains: false },
  { name: "nearest", title: "nearest", model: "nearest", pool: false, network: false, pretrains: false },
  { name: "majority", title: "majority", model: "majority", pool: false, network: false, pretrains: false },
] as const satisfies readonly Contender[];

export type ContenderName = (typeof CONTENDERS)[number]["name"];

/** Beside every score. */
export const REFERENCES = ["trees", "nearest", "majority"] as const satisfies readonly ContenderName[];

export function contender(name: ContenderName): Contender {
  return CONTENDERS.find((row) => row.name === name)!;
}
