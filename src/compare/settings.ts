// What is compared, as data: the sets, masks, label counts and models that `compare` takes where nothing is named. To compare
// another model: a row below, or its name after --models; any model of the registry goes.
import { invalidArgument } from "../../bindings/errors.ts";
import { MASKS, type Mask } from "../capture/names.ts";
import { findModel, MODELS } from "../models/registry.ts";
import { CONTENDERS, type Contender } from "../reproduce/contenders.ts";
import { IMAGE_SETS } from "../reproduce/image-sets.ts";
import { CONFIG_FIELDS, type TrainingConfig } from "../training/index.ts";

/** The sample captures of the repository, encoded when they are wanted. */
export const SAMPLES = "samples";
export const DEFAULT_SETS: readonly string[] = [...Object.keys(IMAGE_SETS), SAMPLES];
export const DEFAULT_MASKS: readonly Mask[] = MASKS;
export type LabelCount = TrainingConfig["labels"];
export const DEFAULT_LABELS: readonly LabelCount[] = [20, 100, 500, 1000, 2000, "10%"];
export const DEFAULT_SEEDS = 5;
/** Images without labels for those that learn from them: what the goals of few labels speak of. */
export const DEFAULT_UNLABELLED = 8000;

/** The references, a supervised network, the published adversarial one, and what `train` takes by default. */
export const DEFAULT_MODELS: readonly string[] = [
  ...new Set(["majority", "nearest", "trees", CONFIG_FIELDS.model.default, "cnn-lstm", "clgan"]),
];
/** Against which differences are taken, beside the winner. */
export const REFERENCE = "trees";

/** Who is compared here and stands in no table of the paper. */
const OWN: readonly Contender[] = [
  { name: "experts", title: "experts", model: "experts", pool: true, network: false, pretrains: false },
  { name: "factors", title: "factors", model: "factors", pool: true, network: false, pretrains: false },
  { name: "bytewise", title: "bytewise", model: "bytewise", pool: true, network: true, pretrains: true },
];

export const MODEL_NAMES: readonly string[] = [
  ...new Set([...CONTENDERS.map(({ name }) => name), ...MODELS.map(({ name }) => name)]),
];

/** A contender by its name, or a model of the registry that has no row among them. @throws ERR_ARGUMENT */
export function contenderOf(name: string): Contender {
  const row = [...OWN, ...CONTENDERS].find((candidate) => candidate.name === name);
  if (row !== undefined) return row;
  if (!MODEL_NAMES.includes(name))
    throw invalidArgument("models", `names among ${MODEL_NAMES.join(", ")}`, name);
  const network = !("fit" in findModel(name));
  return { name, title: name, model: name, pool: network, network, pretrains: false };
}
