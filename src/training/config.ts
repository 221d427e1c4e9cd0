// Every knob of a training run, its default and the reason for it, in one place. Flat, so that a command-line flag is a
// key (`--batch-size` is `batchSize`) and a saved run is a JSON object.
import { availableParallelism } from "node:os";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import type { SplitOptions } from "../dataset/split.ts";
import type { Recipe } from "../models/model.ts";
import { MODELS } from "../models/registry.ts";
import type { Precision } from "../nn/torch-backend.ts";
import type { JsonValue } from "../onnx/metadata.ts";

export interface TrainingConfig {
  readonly model: string;
  readonly modelOptions: { readonly [key: string]: JsonValue };
  readonly recipe: Recipe;
  readonly pretrained: string;
  readonly labels: number | `${number}%` | `${number}/class` | "all";
  readonly unlabeled: number | "all";
  readonly validationShare: number;
  readonly testShare: number;
  readonly split: "random" | "group";
  readonly seed: number;
  readonly device: "auto" | "cpu" | "cuda" | `cuda:${number}`;
  readonly threads: number;
  readonly precision: Precision;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly pretrainEpochs: number;
  readonly epochs: number;
  readonly patience: number;
  readonly minEpochSteps: number;
  readonly checkpointSeconds: number;
}

interface Field<T> {
  readonly default: T;
  /** For `--help` and the documentation: what it is, and why the default. */
  readonly about: string;
  readonly expected: string;
  readonly check: (value: unknown) => boolean;
}

const integer = (least: number) => (value: unknown) =>
  Number.isSafeInteger(value) && (value as number) >= least;
const number = (holds: (value: number) => boolean) => (value: unknown) =>
  typeof value === "number" && holds(value);
const text = (pattern: RegExp) => (value: unknown) => typeof value === "string" && pattern.test(value);

export const CONFIG_FIELDS: { readonly [K in keyof TrainingConfig]: Field<TrainingConfig[K]> } = {
  model: {
    default: "experts",
    about: "row of the model registry",
    expected: "a model name",
    check: text(/./),
  },
  modelOptions: {
    default: {},
    about: "options of that model; the rest take the model's defaults",
    expected: "an object",
    check: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  },
  recipe: {
    default: "paper",
    about:
      "paper: the adversarial phase as published; stable: instead of the game the trunk learns to tell sessions' factors from their bytes, and the classifier starts from a linear one (docs/adversarial.md)",
    expected: '"paper" or "stable"',
    check: text(/^(paper|stable)$/),
  },
  pretrained: {
    default: "",
    about:
      "folder of a run of the same model, options and recipe: starts from the weights at the end of its phases without labels, and runs none",
    expected: "the folder of a run, or nothing",
    check: text(/^/),
  },
  labels: {
    default: "all",
    about:
      "label budget, validation included: a number of images, a share of the training part such as 10%, or of each class, 100/class",
    expected:
      'a whole number above 0, a percentage such as "10%", a number for each class such as "100/class", or "all"',
    check: (value) => integer(1)(value) || text(/^(all|\d+(\.\d+)?%|[1-9]\d*\/class)$/)(value),
  },
  unlabeled: {
    default: "all",
    about: "images of the training part to use without their labels, beside the labelled ones",
    expected: 'a whole number or "all"',
    check: (value) => integer(0)(value) || value === "all",
  },
  validationShare: {
    default: 0.1,
    about:
      "share of the label budget that is held back to stop early: it costs labels, so no more than needed",
    expected: "a number from 0 to below 1",
    check: number((value) => value >= 0 && value < 1),
  },
  testShare: {
    default: 0.2,
    about: "share of the images that tests, where the dataset has no test part of its own",
    expected: "a number above 0 and below 1",
    check: number((value) => value > 0 && value < 1),
  },
  split: {
    default: "random",
    about: "how the test part is chosen: random (stratified by class) or group (whole capture files)",
    expected: '"random" or "group"',
    check: text(/^(random|group)$/),
  },
  seed: {
    default: 1,
    about: "the one source of randomness: split, initial weights, data order, noise, dropout",
    expected: "a whole number, 0 or more",
    check: integer(0),
  },
  device: {
    default: "auto",
    about: "where torch computes; auto takes CUDA where there is one",
    expected: "auto, cpu, cuda or cuda:N",
    check: text(/^(auto|cpu|cuda(:\d+)?)$/),
  },
  threads: {
    default: availableParallelism(),
    about: "CPU threads of one operation; sums are rounded in their order, so a resumed run keeps the number",
    expected: "a whole number above 0",
    check: integer(1),
  },
  precision: {
    default: "float32",
    about:
      "of the matrix products of LSTMs and sequence convolutions in training; bfloat16 is several times faster where the processor multiplies it (AMX), scores are float32",
    expected: '"float32" or "bfloat16"',
    check: text(/^(float32|bfloat16)$/),
  },
  batchSize: {
    default: 256,
    about:
      "images of one step at most (CLGAN section 3.3); small sets use smaller batches, 8 a pass, but not below 32",
    expected: "a whole number above 0",
    check: integer(1),
  },
  learningRate: {
    default: 2e-4,
    about: "Adam's step (CLGAN section 3.3)",
    expected: "a number above 0",
    check: number((value) => value > 0 && Number.isFinite(value)),
  },
  pretrainEpochs: {
    default: 10,
    about:
      "epochs of the phases that use no labels; 0 leaves them out. CLGAN's game is level after 5 on ISCX, and longer did not help",
    expected: "a whole number, 0 or more",
    check: integer(0),
  },
  epochs: {
    default: 200,
    about:
      "epochs of the supervised phase at most; with 10 % of ISCX the best is near 80 from fresh weights, near 190 after pre-training",
    expected: "a whole number above 0",
    check: integer(1),
  },
  patience: {
    default: 40,
    about:
      "epochs without a better validation score before the supervised phase ends; 0 = never. Small validation parts jump: 25 ended too soon",
    expected: "a whole number, 0 or more",
    check: integer(0),
  },
  minEpochSteps: {
    default: 10,
    about:
      "steps of an epoch at least: with few images an epoch is several passes, or epochs would mean nothing",
    expected: "a whole number above 0",
    check: integer(1),
  },
  checkpointSeconds: {
    default: 60,
    about: "a checkpoint is saved after each epoch, and within an epoch this often",
    expected: "a number above 0",
    check: number((value) => value > 0),
  },
};

/**
 * Fills in the defaults: the model's own where it has some, then those above. @throws ERR_ARGUMENT for an unknown key or a value out of range; nothing is rounded or clipped.
 */
export function resolveConfig(partial: Readonly<Record<string, unknown>>): TrainingConfig {
  const known = Object.keys(CONFIG_FIELDS);
  for (const key of Object.keys(partial)) {
    if (!known.includes(key)) {
      throw new FlowglyphError(
        "ERR_ARGUMENT",
        `Unknown training option ${JSON.stringify(key)}; the options are ${known.join(", ")}`,
      );
    }
  }
  const defaults = modelDefaults(partial.model ?? CONFIG_FIELDS.model.default);
  const resolved = Object.entries(CONFIG_FIELDS).map(([key, field]) => {
    const value = partial[key] === undefined ? (defaults[key] ?? field.default) : partial[key];
    if (!field.check(value)) throw invalidArgument(key, field.expected, value);
    return [key, value];
  });
  return Object.fromEntries(resolved) as TrainingConfig;
}

/** The part of the config that `makeSplit` takes. */
export function splitOptions(config: TrainingConfig): SplitOptions {
  const { labels, unlabeled, validationShare, testShare, split, seed } = config;
  return { kind: split, labels, unlabeled, validationShare, testShare, seed };
}

// A name that is no model's is told where the model is made, beside those that are.
function modelDefaults(name: unknown): Readonly<Record<string, unknown>> {
  const row = MODELS.find((candidate) => candidate.name === name);
  return row !== undefined && "create" in row ? { ...row.defaults } : {};
}
