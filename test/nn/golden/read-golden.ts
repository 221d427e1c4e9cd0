// golden.json as typed arrays. Made by make_golden.py.
import { readFileSync } from "node:fs";

export interface GoldenArray {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}
export type GoldenArrays = Readonly<Record<string, GoldenArray>>;

export interface GoldenCase {
  readonly name: string;
  readonly inputs: GoldenArrays;
  readonly constants: GoldenArrays;
  readonly output: GoldenArray;
  readonly gradients: GoldenArrays;
  /** Constants that the operation writes, afterwards. */
  readonly after: GoldenArrays;
}

export interface OptimizerTrace {
  readonly start: readonly GoldenArray[];
  readonly steps: readonly (readonly GoldenArray[])[];
}

export interface Golden {
  readonly cases: readonly GoldenCase[];
  readonly adam: OptimizerTrace;
  readonly adamw: OptimizerTrace;
  /** Learning rates of whole schedules, step by step. */
  readonly oneCycle: readonly (readonly number[])[];
}

export function readGolden(): Golden {
  return JSON.parse(readFileSync(new URL("golden.json", import.meta.url), "utf8")) as Golden;
}
