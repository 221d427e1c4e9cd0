import { describe, expect, test } from "vitest";
import { randomBelow, seededRandom } from "../../src/dataset/random.ts";
import { calibration, calibrationOutcome } from "../../src/evaluation/calibration.ts";
import {
  calibratedProbabilities,
  fitCalibrator,
  UNCALIBRATED,
  uncalibratedScores,
} from "../../src/evaluation/calibrator.ts";
import { predictedClasses } from "../../src/evaluation/evaluate.ts";

const CLASSES = 4;
const FLAT = { prior: { mean: 0, deviation: 100 }, chance: false };

/** Scores whose softmax at `temperature` is the truth: labels are drawn from it. */
function drawn(rows: number, temperature: number, seed = 1) {
  const random = seededRandom(seed);
  const uniform = () => (randomBelow(random, 1 << 30) + 0.5) / (1 << 30);
  const scores = Float32Array.from({ length: rows * CLASSES }, () => 8 * uniform());
  const truth = calibratedProbabilities(scores, CLASSES, { temperature, chance: 0 });
  const labels = Int32Array.from({ length: rows }, (_, row) => {
    let left = uniform();
    for (let k = 0; k < CLASSES - 1; k++) {
      left -= truth[row * CLASSES + k]!;
      if (left < 0) return k;
    }
    return CLASSES - 1;
  });
  return { scores, labels };
}

function logLoss(scores: Float32Array, labels: Int32Array, temperature: number): number {
  return calibration(calibratedProbabilities(scores, CLASSES, { temperature, chance: 0 }), labels, CLASSES)
    .logLoss;
}

describe("fitCalibrator", () => {
  test.each([0.4, 1, 2.5])("finds the temperature %f that the labels were drawn at", (temperature) => {
    const { scores, labels } = drawn(20_000, temperature);
    const { temperature: found } = fitCalibrator(scores, labels, CLASSES, FLAT);
    expect(found / temperature).toBeGreaterThan(0.95);
    expect(found / temperature).toBeLessThan(1.05);
    const errorAt = (t: number) =>
      calibration(calibratedProbabilities(scores, CLASSES, { temperature: t, chance: 0 }), labels, CLASSES)
        .expectedError;
    expect(errorAt(found)).toBeLessThan(0.015);
    if (temperature !== 1) expect(errorAt(1)).toBeGreaterThan(0.05);
  });

  test("is as good as the best of a fine grid", () => {
    const { scores, labels } = drawn(60, 1.7, 3);
    const { temperature } = fitCalibrator(scores, labels, CLASSES, FLAT);
    const grid = Array.from({ length: 600 }, (_, i) => Math.exp(-3 + i / 100));
    const best = Math.min(...grid.map((t) => logLoss(scores, labels, t)));
    expect(logLoss(scores, labels, temperature)).toBeLessThanOrEqual(best + 1e-6);
  });

  test("few rows move it little from what was thought before, many move it all the way", () => {
    const options = { prior: { mean: Math.log(1.5), deviation: 0.2 }, chance: false };
    const none = fitCalibrator([], [], CLASSES, options);
    expect(none.temperature).toBeCloseTo(1.5, 3);
    const distance = (rows: number) => {
      const { scores, labels } = drawn(rows, 5, 2);
      return Math.log(fitCalibrator(scores, labels, CLASSES, options).temperature / 1.5);
    };
    expect(distance(5)).toBeLessThan(0.5 * Math.log(5 / 1.5));
    expect(distance(20_000)).toBeGreaterThan(0.9 * Math.log(5 / 1.5));
  });

  test("perfect rows do not make it certain without end", () => {
    const scores = Float32Array.from([5, 0, 0, 0, 0, 5, 0, 0]);
    const { temperature } = fitCalibrator(scores, [0, 1], CLASSES, {
      prior: { mean: 0, deviation: 0.5 },
      chance: false,
    });
    expect(temperature).toBeGreaterThan(0.3);
  });

  test("a share of chance is what a model that rules classes out needs", () => {
    const rows = 400;
    const labels = Int32Array.from({ length: rows }, (_, i) => i % CLASSES);
    // Sure of itself, and wrong in one of ten.
    const scores = new Float32Array(rows * CLASSES).fill(Number.NEGATIVE_INFINITY);
    for (let i = 0; i < rows; i++) scores[i * CLASSES + ((labels[i]! + Number(i % 10 === 0)) % CLASSES)] = 0;
    const fitted = fitCalibrator(scores, labels, CLASSES, { ...FLAT, chance: true });
    expect(fitted.chance * (1 - 1 / CLASSES)).toBeCloseTo(0.1, 2);
    const outcome = calibration(calibratedProbabilities(scores, CLASSES, fitted), labels, CLASSES);
    expect(outcome.expectedError).toBeLessThan(0.01);
    expect(outcome.logLoss).toBeLessThan(0.6);
    const raw = calibration(calibratedProbabilities(scores, CLASSES, UNCALIBRATED), labels, CLASSES);
    expect(raw.expectedError).toBeCloseTo(0.1, 6);
    expect(raw.logLoss).toBeGreaterThan(3);
  });

  test("refuses scores that are not a row a label", () => {
    expect(() => fitCalibrator(new Float32Array(7), [0, 1], CLASSES, FLAT)).toThrow(/2 rows of 4/);
  });
});

describe("a calibrator", () => {
  const { scores, labels } = drawn(300, 1);
  const calibrator = { temperature: 2.3, chance: 0.04 };
  const probabilities = calibratedProbabilities(scores, CLASSES, calibrator);

  test("gives rows that sum to 1 and leaves every verdict as it was", () => {
    for (let row = 0; row < 300; row++) {
      const sum = probabilities.subarray(row * CLASSES, (row + 1) * CLASSES).reduce((a, b) => a + b, 0);
      expect(sum).toBeCloseTo(1, 5);
    }
    expect(Math.min(...probabilities)).toBeGreaterThan(0.0099);
    expect(predictedClasses(probabilities, CLASSES)).toEqual(predictedClasses(scores, CLASSES));
  });

  test("can be undone, so that what it did can be told from a model file", () => {
    const raw = calibratedProbabilities(scores, CLASSES, UNCALIBRATED);
    const undone = uncalibratedScores(probabilities, CLASSES, calibrator);
    const again = calibratedProbabilities(undone, CLASSES, UNCALIBRATED);
    for (const [i, p] of again.entries()) expect(p).toBeCloseTo(raw[i]!, 4);
    const told = calibrationOutcome(probabilities, labels, CLASSES, {
      ...calibrator,
      rows: 9,
      source: "validation",
    });
    expect(told.before!.logLoss).toBeCloseTo(calibration(raw, labels, CLASSES).logLoss, 4);
    expect(told.after!.logLoss).toBe(calibration(probabilities, labels, CLASSES).logLoss);
    expect(told.after!.logLoss).toBeGreaterThan(told.before!.logLoss + 0.1);
  });
});
