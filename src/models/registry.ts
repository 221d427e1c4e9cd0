// The table of models. To add one: one file that exports a ModelRow, one line here.

import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import { ae } from "./ae.ts";
import { bytesgan } from "./bytesgan.ts";
import { bytewise } from "./bytewise.ts";
import { clgan } from "./clgan.ts";
import { cnnLstm } from "./cnn-lstm.ts";
import { dcgan } from "./dcgan.ts";
import { experts } from "./experts.ts";
import { factors } from "./factors.ts";
import { majority } from "./majority.ts";
import type { ModelRow, Recipe, TrainableModel } from "./model.ts";
import { nearest } from "./nearest.ts";
import { patchwise } from "./patchwise.ts";
import { trees } from "./trees.ts";

export const MODELS: readonly ModelRow[] = [
  experts,
  clgan,
  dcgan,
  ae,
  cnnLstm,
  bytesgan,
  bytewise,
  patchwise,
  factors,
  trees,
  nearest,
  majority,
];

export interface ModelRequest {
  /** Number of classes K. */
  readonly classes: number;
  /** Fixes the initial weights. */
  readonly seed: number;
  /** Of Adam, in every phase; the paper's 2e-4 where it is left out. */
  readonly learningRate?: number;
  /** `paper` where it is left out. */
  readonly recipe?: Recipe;
}

/** @throws ERR_ARGUMENT for a name that is no model's. */
export function findModel(name: string): ModelRow {
  const row = MODELS.find((candidate) => candidate.name === name);
  if (row === undefined) {
    throw invalidArgument("model", `one of ${MODELS.map((candidate) => candidate.name).join(", ")}`, name);
  }
  return row;
}

/** The model's options with its defaults filled in. @throws ERR_ARGUMENT for unknown names and wrong values. */
export function resolveModelOptions(
  name: string,
  given: { readonly [name: string]: unknown } = {},
): { readonly [name: string]: unknown } {
  const { options } = findModel(name);
  for (const [key, value] of Object.entries(given)) {
    const option = Object.hasOwn(options, key) ? options[key] : undefined;
    if (option === undefined) {
      throw new FlowglyphError(
        "ERR_ARGUMENT",
        `Expected options of model ${name} (${Object.keys(options).join(", ") || "it has none"}) but received ${JSON.stringify(key)}`,
      );
    }
    if (!option.check(value)) {
      throw invalidArgument(`option ${key} of model ${name}`, option.expected, value);
    }
  }
  const defaults = Object.entries(options).map(([key, option]) => [key, option.default] as const);
  return { ...Object.fromEntries(defaults), ...given };
}

/**
 * A fresh network with its initial weights.
 * @param options Of the model; the rest take its defaults.
 * @throws ERR_ARGUMENT for an unknown name or option, a wrong value, or a model that is fitted and so has no weights.
 */
export function createModel(
  name: string,
  options: { readonly [name: string]: unknown },
  request: ModelRequest,
): TrainableModel {
  const { classes, seed, learningRate = 2e-4, recipe = "paper" } = request;
  if (!Number.isSafeInteger(classes) || classes < 2) {
    throw invalidArgument("classes", "an integer of at least 2", classes);
  }
  if (!Number.isSafeInteger(seed)) {
    throw invalidArgument("seed", "an integer", seed);
  }
  if (!(learningRate > 0 && Number.isFinite(learningRate))) {
    throw invalidArgument("learningRate", "a positive number", learningRate);
  }
  const row = findModel(name);
  if ("fit" in row) throw invalidArgument("model", "a network, which starts from weights", name);
  return row.create({ classes, seed, learningRate, recipe, options: resolveModelOptions(name, options) });
}
