// Parameters and buffers of a module, wherever their values live: in an array here, or in a backend that adopted them.

import { FlowglyphError } from "../../bindings/errors.ts";
import type { ParameterSpec } from "./backend.ts";

/** How a fresh parameter is filled. */
export type Initializer =
  | { readonly kind: "constant"; readonly value: number }
  /** Uniform in [-bound, bound). */
  | { readonly kind: "uniform"; readonly bound: number }
  /** Normal of mean 0. */
  | { readonly kind: "normal"; readonly deviation: number };

/** Where the values of a parameter are kept. A backend that computes elsewhere (on a device) puts its own in place. */
export interface ParameterStorage {
  /** A copy of the current values, row major. */
  read(): Float32Array;
  write(values: Float32Array): void;
}

class HostStorage implements ParameterStorage {
  #values: Float32Array;
  constructor(values: Float32Array) {
    this.#values = values;
  }
  read(): Float32Array {
    return this.#values.slice();
  }
  write(values: Float32Array): void {
    this.#values = values.slice();
  }
}

/** A float32 array of a module: trained by gradients, or (a buffer) kept by the module itself. */
export class Parameter implements ParameterSpec {
  readonly shape: readonly number[];
  readonly initializer: Initializer;
  /** False for buffers, such as running statistics. */
  readonly trainable: boolean;
  /** Where the values are now; backends replace it (TorchBackend.adopt). */
  storage: ParameterStorage;
  #path = "";

  constructor(shape: readonly number[], initializer: Initializer, trainable = true) {
    this.shape = shape;
    this.initializer = initializer;
    this.trainable = trainable;
    this.storage = new HostStorage(new Float32Array(this.elements));
  }

  get elements(): number {
    return this.shape.reduce((product, length) => product * length, 1);
  }

  /** Dotted path from the root module, e.g. `trunk.conv1.weight`; empty until `Module.initialize` names it. */
  get path(): string {
    return this.#path;
  }

  /** Called by the root module alone: the name of a parameter never changes once given. */
  name(path: string): void {
    if (this.#path !== "" && this.#path !== path) {
      throw new FlowglyphError(
        "ERR_ARGUMENT",
        `Expected parameter ${this.#path} to belong to one root module but it is also reached as ${path}`,
      );
    }
    this.#path = path;
  }

  /** Brings the values back from wherever a backend keeps them. */
  reclaim(): void {
    this.storage = new HostStorage(this.storage.read());
  }

  /** A copy of the current values, row major. */
  values(): Float32Array {
    return this.storage.read();
  }

  /** @throws ERR_ARGUMENT where the number of values is not the shape's. */
  assign(values: Float32Array): void {
    if (values.length !== this.elements) {
      throw new FlowglyphError(
        "ERR_ARGUMENT",
        `Expected ${this.elements} values for parameter ${this.#path} [${this.shape.join(", ")}] but received ${values.length}`,
      );
    }
    this.storage.write(values);
  }
}
