// Nothing is timed before all compute the same: the losses of the first steps, from the same weights, images and noise.
import type { Losses } from "./peer-server.ts";

export interface Agreement {
  readonly name: string;
  /** The largest |a - b| / (1 + |b|) over all losses. */
  readonly difference: number;
  readonly tolerance: number;
}

export function compareLosses(name: string, theirs: Losses, ours: Losses, tolerance: number): Agreement {
  let difference = 0;
  for (const key of ["discriminator", "generator", "supervised"] as const) {
    if (theirs[key].length !== ours[key].length || ours[key].length === 0) {
      throw new Error(`${name}: ${theirs[key].length} losses of ${key}, expected ${ours[key].length}`);
    }
    for (const [i, loss] of theirs[key].entries()) {
      const expected = ours[key][i]!;
      const error = Math.abs(loss - expected) / (1 + Math.abs(expected));
      if (!(error <= tolerance)) {
        throw new Error(
          `${name} does not compute the same: step ${i + 1} has ${key} loss ${loss}, flowglyph's is ${expected} (tolerance ${tolerance}): no figures`,
        );
      }
      difference = Math.max(difference, error);
    }
  }
  return { name, difference, tolerance };
}
