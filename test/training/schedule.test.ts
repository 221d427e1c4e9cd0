import { expect, test } from "vitest";
import { oneCycle, warmCosine } from "../../src/models/schedules.ts";
import { checkSchedule, scheduleFactor } from "../../src/training/schedule.ts";
import { readGolden } from "../nn/golden/read-golden.ts";

const factors = (schedule: typeof oneCycle, steps: number) =>
  Array.from({ length: steps }, (_, step) => scheduleFactor(schedule, step, steps));

test.each(readGolden().oneCycle)("one cycle is that of PyTorch (%#)", (...rates) => {
  for (const [step, factor] of factors(oneCycle, rates.length).entries()) {
    expect(factor).toBeCloseTo(rates[step]!, 9);
  }
});

test("the rise is linear to 1, the fall a half cosine to the end", () => {
  const all = factors({ ...warmCosine, warmUp: 0.25 }, 40);
  expect(all[0]).toBeCloseTo(0.01, 12);
  expect(all[9]).toBeCloseTo(1, 12);
  expect(all[3]! - all[2]!).toBeCloseTo(all[7]! - all[6]!, 12);
  expect(all[9 + 15]).toBeCloseTo(0.505, 12);
  expect(all[39]).toBeCloseTo(0.01, 12);
});

test.each([0, 0.5, 0.99])("a warm-up of %d over few steps gives factors above 0 and up to 1", (warmUp) => {
  for (const steps of [1, 2, 3]) {
    for (const factor of factors({ ...oneCycle, warmUp }, steps)) {
      expect(factor).toBeGreaterThan(0);
      expect(factor).toBeLessThanOrEqual(1);
    }
  }
  expect(scheduleFactor({ ...oneCycle, warmUp: 0 }, 0, 5)).toBe(1);
});

test.each([{ warmUp: 1 }, { warmUp: -0.1 }, { start: 0 }, { end: 2 }])("%o is refused", (over) => {
  expect(() => checkSchedule({ ...oneCycle, ...over })).toThrow(
    expect.objectContaining({ code: "ERR_ARGUMENT" }),
  );
});
