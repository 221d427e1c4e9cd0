import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { classCurves, evaluateProbabilities, predictedClasses } from "../../src/evaluation/evaluate.ts";
import { confusionMatrix, meanAndDeviation } from "../../src/evaluation/metrics.ts";

interface GoldenCase {
  name: string;
  labels: number[];
  probabilities: number[];
  classes: number;
  accuracy: number;
  confusion: number[][];
  precision: number[];
  recall: number[];
  f1: number[];
  support: number[];
  specificity: number[];
  negativePredictiveValue: number[];
  macro: number[];
  weighted: number[];
  curves: {
    precision?: number[];
    recall?: number[];
    prThresholds?: number[];
    averagePrecision?: number;
    falsePositiveRate?: number[];
    truePositiveRate?: number[];
    rocArea?: number;
  }[];
  expectedError: number;
  logLoss: number;
}
const golden = JSON.parse(readFileSync(new URL("golden/metrics.json", import.meta.url), "utf8")) as {
  cases: GoldenCase[];
};

function expectClose(
  received: number | readonly number[] | undefined,
  expected: number | readonly number[] | undefined,
): void {
  if (expected === undefined || received === undefined) {
    expect(received).toBe(expected);
    return;
  }
  const [a, b] = [[received].flat(), [expected].flat()];
  expect(a.length).toBe(b.length);
  for (const [i, value] of a.entries()) expect(Math.abs(value - b[i]!)).toBeLessThan(1e-12);
}

const ORDER = ["precision", "recall", "f1", "specificity", "negativePredictiveValue"] as const;

describe.each(golden.cases)("scores equal scikit-learn's: $name", (expected) => {
  const names = Array.from({ length: expected.classes }, (_, i) => `class${i}`);
  const result = evaluateProbabilities(expected.labels, expected.probabilities, names);

  it("accuracy and confusion matrix", () => {
    expectClose(result.accuracy, expected.accuracy);
    expect(result.confusion).toEqual(expected.confusion);
    expect(result.images).toBe(expected.labels.length);
  });
  it("each class", () => {
    for (const name of ORDER)
      expectClose(
        result.perClass.map((scores) => scores[name]),
        expected[name],
      );
    expect(result.perClass.map(({ support }) => support)).toEqual(expected.support);
  });
  it("macro and weighted averages", () => {
    expectClose(
      ORDER.map((name) => result.macro[name]),
      expected.macro,
    );
    expectClose(
      ORDER.map((name) => result.weighted[name]),
      expected.weighted,
    );
    expect(result.macroF1).toBe(result.macro.f1);
  });
  it("curves and their areas", () => {
    for (const [c, curve] of expected.curves.entries()) {
      const { roc, precisionRecall } = classCurves(
        expected.labels,
        expected.probabilities,
        expected.classes,
        c,
      );
      expectClose(precisionRecall?.precision, curve.precision);
      expectClose(precisionRecall?.recall, curve.recall);
      expectClose(precisionRecall?.thresholds, curve.prThresholds);
      expectClose(result.perClass[c]!.averagePrecision, curve.averagePrecision);
      expectClose(roc?.falsePositiveRate, curve.falsePositiveRate);
      expectClose(roc?.truePositiveRate, curve.truePositiveRate);
      expectClose(result.perClass[c]!.rocArea, curve.rocArea);
    }
  });
  it("calibration and log loss", () => {
    expectClose(result.calibration?.expectedError, expected.expectedError);
    expect(Math.abs(result.calibration!.logLoss - expected.logLoss)).toBeLessThan(1e-9);
  });
});

describe("arguments of metrics", () => {
  it("refuses labels that are no class, such as -1 of an unlabelled row", () => {
    expect(() => confusionMatrix([0, -1], [0, 0], 2)).toThrow(
      "Expected labels[1] to be a class from 0 to 1 but received -1",
    );
    expect(() => confusionMatrix([0, 1], [0, 2], 2)).toThrow(/predictions\[1\]/);
    expect(() => confusionMatrix([0], [0, 0], 2)).toThrow(/as many as the 1 labels but received 2/);
    expect(() => predictedClasses([0.1, 0.2, 0.3], 2)).toThrow(/rows of 2 numbers/);
  });
  it("gives zeros, not NaN, without images", () => {
    const result = evaluateProbabilities([], [], ["a", "b"]);
    expect([result.accuracy, result.macroF1, result.weighted.recall]).toEqual([0, 0, 0]);
  });
  it("takes the sample standard deviation of several seeds", () => {
    expect(meanAndDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, deviation: Math.sqrt(32 / 7) });
    expect(meanAndDeviation([3])).toEqual({ mean: 3, deviation: 0 });
  });
});
