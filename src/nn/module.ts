// Module: a tree of parameters. It knows shapes, names and initial values, and no backend: the same module is trained
// on libtorch and traced to ONNX. Whether it trains or predicts is the backend's `training` flag, in one place.

import { mersenne } from "pure-rand/generator/mersenne";
import { FlowglyphError } from "../../bindings/errors.ts";
import { Parameter } from "./parameter.ts";

/** Named float32 arrays: what a checkpoint stores of a module. */
export type StateDict = Map<string, Float32Array>;

/** FNV-1a over the path, mixed with the seed: every parameter draws from a sequence of its own. */
function parameterSeed(seed: number, path: string): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let index = 0; index < path.length; index++) {
    hash = Math.imul(hash ^ path.charCodeAt(index), 0x01000193);
  }
  return hash | 0;
}

/**
 * The base of layers and models. Properties that hold a Parameter, a Module or an array of Modules are its members, in
 * the order of their assignment; their dotted property path is their name (`lstm.forward.inputHidden`).
 */
export abstract class Module {
  /** Every parameter and buffer with its path from this module. */
  *members(prefix = ""): Generator<[string, Parameter]> {
    for (const [key, value] of Object.entries(this)) {
      yield* membersOf(value, prefix === "" ? key : `${prefix}.${key}`);
    }
  }

  /** The trainable parameters. */
  parameters(): Parameter[] {
    return [...this.members()].map(([, parameter]) => parameter).filter((parameter) => parameter.trainable);
  }

  /**
   * Names and fills every parameter: to be called once, on the root of the tree. A parameter's values depend on the
   * seed and on its path alone, so that changing one layer leaves the others' start as it was.
   * @param seed Any integer; its low 32 bits count.
   */
  initialize(seed: number): this {
    for (const [path, parameter] of this.members()) {
      parameter.name(path);
      parameter.assign(initialValues(parameter, parameterSeed(seed, path)));
    }
    return this;
  }

  /** Copies of all values, parameters and buffers, by path. */
  stateDict(): StateDict {
    return new Map([...this.members()].map(([path, parameter]) => [path, parameter.values()]));
  }

  /** @throws ERR_CHECKPOINT where names are missing or unknown, or sizes differ; nothing is changed then. */
  loadStateDict(state: ReadonlyMap<string, Float32Array>): void {
    const members = new Map(this.members());
    const missing = [...members.keys()].filter((path) => !state.has(path));
    const unknown = [...state.keys()].filter((path) => !members.has(path));
    if (missing.length > 0 || unknown.length > 0) {
      throw new FlowglyphError(
        "ERR_CHECKPOINT",
        `Expected the parameters of this model but received others: missing [${missing.join(", ")}], unknown [${unknown.join(", ")}]`,
      );
    }
    for (const [path, parameter] of members) {
      const received = state.get(path)?.length;
      if (received !== parameter.elements) {
        throw new FlowglyphError(
          "ERR_CHECKPOINT",
          `Expected ${parameter.elements} values for ${path} [${parameter.shape.join(", ")}] but received ${received}`,
        );
      }
    }
    for (const [path, parameter] of members) {
      parameter.assign(state.get(path)!);
    }
  }
}

function* membersOf(value: unknown, path: string): Generator<[string, Parameter]> {
  if (value instanceof Parameter) {
    yield [path, value];
  } else if (value instanceof Module) {
    yield* value.members(path);
  } else if (Array.isArray(value)) {
    for (const [index, member] of value.entries()) {
      yield* membersOf(member, `${path}.${index}`);
    }
  }
}

function initialValues(parameter: Parameter, seed: number): Float32Array {
  const values = new Float32Array(parameter.elements);
  const { initializer } = parameter;
  if (initializer.kind === "constant") {
    return values.fill(initializer.value);
  }
  const random = mersenne(seed);
  // 24 random bits: every float32 in [0, 1) of that spacing is equally likely, and none rounds up to 1.
  const unit = () => (random.next() >>> 8) / 2 ** 24;
  if (initializer.kind === "uniform") {
    return values.map(() => (2 * unit() - 1) * initializer.bound);
  }
  // Box and Muller 1958; 1 - unit is above 0.
  return values.map(
    () => initializer.deviation * Math.sqrt(-2 * Math.log(1 - unit())) * Math.cos(2 * Math.PI * unit()),
  );
}
