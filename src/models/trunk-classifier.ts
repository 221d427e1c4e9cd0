// A classifier of one linear layer on a trunk: what CLGAN and DCGAN come to, however they are trained.

import type { Backend } from "../nn/backend.ts";
import { Linear } from "../nn/layers/linear.ts";
import { Module } from "../nn/module.ts";
import type { Parameter } from "../nn/parameter.ts";
import { scaleBytes } from "./scaling.ts";

/** Scaled images (N, 28, 28) -> (N, features): a discriminator up to what its heads stand on. */
export interface DiscriminatorTrunk extends Module {
  readonly features: number;
  forward<T>(backend: Backend<T, Parameter>, images: T): T;
}

export class TrunkClassifier extends Module {
  readonly trunk: DiscriminatorTrunk;
  readonly classes: Linear;

  constructor(classes: number, trunk: DiscriminatorTrunk) {
    super();
    this.trunk = trunk;
    this.classes = new Linear(trunk.features, classes);
  }

  /** uint8 (N, 28, 28) -> (N, K). */
  logits<T>(backend: Backend<T, Parameter>, images: T): T {
    return this.classes.forward(backend, this.trunk.forward(backend, scaleBytes(backend, images)));
  }
}
