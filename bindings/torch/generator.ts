// Random numbers with an explicit, seeded state. Nothing in flowglyph draws from libtorch's global generator.

import { invalidArgument } from "../errors.ts";
import { type DeviceName, type GeneratorHandle, torch } from "./native.ts";

function checkedSeed(seed: number | bigint): bigint {
  if (typeof seed === "number" && !Number.isSafeInteger(seed)) {
    throw invalidArgument("seed", "an integer from 0 to 2^63 - 1", seed);
  }
  const wide = BigInt(seed);
  if (wide < 0n || wide >= 1n << 63n) {
    throw invalidArgument("seed", "an integer from 0 to 2^63 - 1", seed);
  }
  return wide;
}

/** A random number generator of one device: Mersenne Twister on the CPU, Philox on CUDA. */
export class Generator {
  /** For bindings/torch only. */
  readonly handle: GeneratorHandle;
  readonly device: DeviceName;

  /** @param seed An integer from 0 to 2^63 - 1. */
  constructor(device: DeviceName, seed: number | bigint) {
    this.device = device;
    this.handle = torch().makeGenerator(device, checkedSeed(seed));
  }

  seed(seed: number | bigint): void {
    torch().seedGenerator(this.handle, checkedSeed(seed));
  }

  /** The whole state: `setState` with it continues the sequence exactly. */
  state(): Uint8Array {
    return torch().generatorState(this.handle);
  }

  /** @param state What `state()` gave for a generator of the same kind of device. */
  setState(state: Uint8Array): void {
    torch().setGeneratorState(this.handle, state);
  }
}
