import { describe, expect, it } from "vitest";
import { pairedDifference } from "../../src/compare/paired.ts";

describe("paired differences", () => {
  it("are taken over the seeds that both have", () => {
    const got = pairedDifference(
      new Map([
        [1, 0.9],
        [2, 0.8],
        [3, 0.7],
      ]),
      new Map([
        [2, 0.7],
        [3, 0.65],
        [4, 0.1],
      ]),
    )!;
    expect(got.pairs).toBe(2);
    expect(got.mean).toBeCloseTo(0.075, 12);
    // scipy.stats.t.ppf(0.975, 1) * sd / sqrt(2)
    expect(got.margin).toBeCloseTo((12.706 * 0.0353553391) / Math.SQRT2, 6);
  });

  it("have the interval of Student's t", () => {
    // R: t.test(c(3, 1, 4, 1, 5)) gives 0.5787 to 5.0213 around 2.8
    const first = new Map([3, 1, 4, 1, 5].map((value, seed) => [seed, value]));
    const second = new Map([0, 0, 0, 0, 0].map((value, seed) => [seed, value]));
    const { mean, margin, deviation } = pairedDifference(first, second)!;
    expect(mean).toBeCloseTo(2.8, 12);
    expect(deviation).toBeCloseTo(1.788854, 6);
    expect(margin).toBeCloseTo(2.2212, 3);
  });

  it("of one seed have no interval, and of none are none", () => {
    expect(pairedDifference(new Map([[1, 0.5]]), new Map([[1, 0.25]]))).toMatchObject({
      mean: 0.25,
      margin: null,
    });
    expect(pairedDifference(new Map([[1, 0.5]]), new Map([[2, 0.5]]))).toBeNull();
  });
});
