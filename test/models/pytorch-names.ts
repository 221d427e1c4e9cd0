// PyTorch's names of parameters, and the images that the scripts in golden/ make.
import { Tensor } from "../../bindings/torch/index.ts";
import type { Module } from "../../src/nn/module.ts";
import type { Parameter } from "../../src/nn/parameter.ts";

/** A path of src/nn in PyTorch's naming. */
export function pytorchName(path: string): string {
  return path
    .replace("runningMean", "running_mean")
    .replace("runningVariance", "running_var")
    .replace("directions.0.inputHidden", "weight_ih_l0")
    .replace("directions.0.hiddenHidden", "weight_hh_l0")
    .replace("directions.0.inputBias", "bias_ih_l0")
    .replace("directions.0.hiddenBias", "bias_hh_l0")
    .replace("directions.1.inputHidden", "weight_ih_l0_reverse")
    .replace("directions.1.hiddenHidden", "weight_hh_l0_reverse")
    .replace("directions.1.inputBias", "bias_ih_l0_reverse")
    .replace("directions.1.hiddenBias", "bias_hh_l0_reverse");
}

/**
 * The members by their PyTorch name, filled: element i of the k-th of `names` with `value(i, k)`, plus 1 for batch norm's
 * weights and running variances.
 */
export function fillMembers(
  root: Module,
  names: readonly string[],
  value: (i: number, k: number) => number,
): Map<string, Parameter> {
  const members = new Map([...root.members()].map(([path, parameter]) => [pytorchName(path), parameter]));
  for (const [k, name] of names.entries()) {
    const offset = name.endsWith("running_var") || /norm\d?\.weight$/.test(name) ? 1 : 0;
    const parameter = members.get(name)!;
    parameter.assign(Float32Array.from({ length: parameter.elements }, (_, i) => value(i, k) + offset));
  }
  return members;
}

/** uint8 (3, 28, 28). */
export const goldenImages = () =>
  Tensor.fromBuffer(
    Uint8Array.from({ length: 3 * 784 }, (_, i) => (7 * i * i + 13 * i) % 256),
    [3, 28, 28],
  );

/** float32 (4, 100). */
export const goldenNoise = () =>
  Tensor.fromBuffer(
    Float32Array.from({ length: 400 }, (_, i) => Math.sin(0.7 * i)),
    [4, 100],
  );
