import { describe, expect, test } from "vitest";
import { randomBelow, seededRandom } from "../../src/dataset/random.ts";
import {
  COVERAGES,
  errorLimit,
  levelFor,
  measureLevels,
  promisedLevels,
  riskLevels,
} from "../../src/evaluation/risk-coverage.ts";
import { unknownThreshold } from "../../src/evaluation/unknown.ts";

/** Two classes; the verdict is class 0 with probability p, and right with probability `rightness(p)`. */
function drawn(rows: number, seed: number, rightness: (p: number) => number) {
  const random = seededRandom(seed);
  const uniform = () => randomBelow(random, 1 << 30) / (1 << 30);
  const probabilities = new Float32Array(2 * rows);
  const labels = new Int32Array(rows);
  for (let row = 0; row < rows; row++) {
    const p = 0.5 + uniform() / 2;
    probabilities[2 * row] = p;
    probabilities[2 * row + 1] = 1 - p;
    labels[row] = Number(uniform() >= rightness(p));
  }
  return { probabilities, labels };
}

describe("errorLimit", () => {
  // scipy.stats.beta.ppf(1 - doubt, wrong + 1, given - wrong)
  test.each([
    [0, 10, 0.05, 0.2588655509],
    [0, 100, 0.01, 0.045007414],
    [1, 20, 0.05, 0.2161061642],
    [5, 100, 0.05, 0.1022533776],
    [50, 2000, 0.01, 0.0343685253],
  ])("of %i wrong among %i, doubt %f, is Clopper and Pearson's", (wrong, given, doubt, expected) => {
    expect(errorLimit(wrong, given, doubt)).toBeCloseTo(expected, 8);
  });

  test("without a verdict, or with none right, anything is possible", () => {
    expect(errorLimit(0, 0, 0.1)).toBe(1);
    expect(errorLimit(7, 7, 0.1)).toBe(1);
  });
});

describe("riskLevels", () => {
  test("count verdicts above a threshold, as a plain count does", () => {
    const { probabilities, labels } = drawn(500, 1, (p) => p);
    const levels = riskLevels(probabilities, labels, 2);
    expect(levels).toHaveLength(COVERAGES.length);
    for (const [i, { threshold, given, wrong }] of levels.entries()) {
      const above = [...labels.keys()].filter((row) => probabilities[2 * row]! > threshold);
      expect(given).toBe(above.length);
      expect(given).toBe(Math.ceil(COVERAGES[i]! * 500));
      expect(wrong).toBe(above.filter((row) => labels[row] === 1).length);
    }
    expect(levels[0]!.threshold).toBe(0);
  });

  test("equal probabilities fall on one side, with room for the rounding of a file", () => {
    const probabilities = Float32Array.from({ length: 40 }, (_, i) =>
      i % 2 === 0 ? (i < 20 ? 0.9 : 0.7) : 0.1,
    );
    const levels = riskLevels(probabilities, new Int32Array(20), 2);
    for (const { given } of levels) expect([0, 10, 20]).toContain(given);
    const half = levels.find(({ given }) => given === 10)!;
    expect(half.threshold).toBeGreaterThan(0.70005);
    expect(half.threshold).toBeLessThan(0.7002);
  });

  test("no image gives levels that promise nothing", () => {
    const levels = riskLevels([], [], 2);
    expect(promisedLevels(levels).every(({ error }) => error === 1)).toBe(true);
    expect(levelFor(levels, 0.99)).toBeUndefined();
  });
});

describe("levelFor", () => {
  test("gives most verdicts of the levels that promise it", () => {
    const { probabilities, labels } = drawn(2000, 2, (p) => 2 * p - 1);
    const levels = riskLevels(probabilities, labels, 2);
    const chosen = levelFor(levels, 0.2)!;
    expect(chosen.error).toBeLessThanOrEqual(0.2);
    const laxer = promisedLevels(levels).filter(({ threshold }) => threshold < chosen.threshold);
    expect(laxer.length).toBeGreaterThan(0);
    expect(laxer.every(({ error }) => error > 0.2)).toBe(true);
    // Asking for less never gives more verdicts.
    const given = [0.4, 0.3, 0.2, 0.15].map((error) => levelFor(levels, error)?.given ?? 0);
    expect([...given].sort((a, b) => b - a)).toEqual(given);
    expect(() => levelFor(levels, 0)).toThrow(/share between 0 and 1/);
    expect(() => levelFor(levels, 0.1, 1)).toThrow(/confidence/);
  });

  test("keeps its promise in nine draws of ten, at all levels at once; the plain rate would not", () => {
    const rightness = (p: number) => 0.55 + 0.8 * (p - 0.5);
    // The true share of wrong verdicts above t: p is even on [0.5, 1].
    const truth = (t: number) => 1 - (0.55 + 0.8 * ((Math.max(0.5, t) + 1) / 2 - 0.5));
    let broken = 0;
    let brokenByRate = 0;
    const draws = 400;
    for (let seed = 0; seed < draws; seed++) {
      const { probabilities, labels } = drawn(100, seed, rightness);
      const levels = riskLevels(probabilities, labels, 2);
      if (promisedLevels(levels).some(({ threshold, error }) => truth(threshold) > error)) broken++;
      if (levels.some(({ threshold, given, wrong }) => given > 0 && truth(threshold) > wrong / given))
        brokenByRate++;
    }
    expect(broken / draws).toBeLessThan(0.1);
    expect(brokenByRate / draws).toBeGreaterThan(0.5);
  });
});

test("measureLevels tells what each error that may be asked for does on other images", () => {
  const levels = [
    { threshold: 0, given: 1000, wrong: 180 },
    { threshold: 0.8, given: 600, wrong: 6 },
  ];
  const probabilities = [0.9, 0.1, 0.85, 0.15, 0.6, 0.4, 0.7, 0.3];
  const measured = measureLevels(levels, probabilities, [0, 1, 0, 1], 2, [0.001, 0.05, 0.5]);
  expect(measured).toMatchObject([
    { asked: 0.001 },
    { asked: 0.05, level: { threshold: 0.8 }, unknown: 0.5, wrong: 0.5 },
    { asked: 0.5, level: { threshold: 0 }, unknown: 0, wrong: 0.5 },
  ]);
  expect(measured[0]!.level).toBeUndefined();
});

test("a model that cannot promise an error says what it can", () => {
  const levels = [{ threshold: 0, given: 10, wrong: 0 }];
  const model = { unknown: { rows: 10, source: "validation", levels } } as const;
  expect(() => unknownThreshold(model, 0.05)).toThrow(
    /at most 5 % of its verdicts are wrong: 10 labelled images .* no less than 20.6 %/,
  );
  expect(unknownThreshold(model, 0.25).threshold).toBe(0);
  expect(() => unknownThreshold({}, 0.25)).toThrow(/no labelled image was left/);
});
