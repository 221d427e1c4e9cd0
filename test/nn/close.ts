// Comparison of float arrays with a relative and an absolute bound.
import { expect } from "vitest";

/** |actual - expected| <= tolerance * (1 + |expected|), element by element. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  expect(actual.length, `${what}: number of elements`).toBe(expected.length);
  let worst = 0;
  let at = 0;
  for (let index = 0; index < expected.length; index++) {
    const error = Math.abs(actual[index]! - expected[index]!) / (1 + Math.abs(expected[index]!));
    if (!(error <= worst)) {
      worst = error;
      at = index;
    }
  }
  const shown = `${what}: element ${at} is ${actual[at]}, expected ${expected[at]}`;
  expect(worst, shown).toBeLessThanOrEqual(tolerance);
}
