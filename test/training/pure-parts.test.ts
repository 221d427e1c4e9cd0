import { describe, expect, test } from "vitest";
import type { Split } from "../../src/dataset/types.ts";
import type { TrainingPhase } from "../../src/models/model.ts";
import { resolveConfig } from "../../src/training/config.ts";
import { diagnosePhase } from "../../src/training/diagnosis.ts";
import { isBetter, isExhausted, validationScore } from "../../src/training/early-stop.ts";
import { type EpochRecord, epochRecord, historyLines, meanLoss } from "../../src/training/history.ts";
import { planPhase } from "../../src/training/phase-plan.ts";

describe("plan of a phase", () => {
  const rows = (count: number, from = 0) => Uint32Array.from({ length: count }, (_, i) => from + i);
  const split = (labelled: number, unlabelled: number): Split => ({
    kind: "random",
    seed: 1,
    labelled: rows(labelled),
    validation: rows(5, 90000),
    unlabelled: rows(unlabelled, 10000),
    test: rows(10, 95000),
    testGroups: [],
  });
  const phase = (data: TrainingPhase["data"], supervised = false): TrainingPhase => ({
    name: "p",
    data,
    supervised,
    optimizers: {},
    step: () => ({}),
  });
  const config = resolveConfig({ model: "clgan", pretrainEpochs: 4, epochs: 50 });

  test("large sets take whole batches and one pass an epoch", () => {
    const plan = planPhase(phase("all"), split(3195, 8000), config);
    expect(plan).toMatchObject({ batchSize: 256, stepsPerEpoch: 44, epochs: 4 });
    expect(plan.rows.length).toBe(11195);
  });

  test("a phase may bound its images, evenly chosen, and the steps of its epochs; small sets feel neither", () => {
    const bounded = { ...phase("all"), maxImages: 1000, maxEpochSteps: 3 };
    const plan = planPhase(bounded, split(3195, 6805), config);
    expect(plan.rows.length).toBe(1000);
    expect([...plan.rows.subarray(0, 3), plan.rows.at(-1)]).toEqual([0, 10, 20, 10000 + 6805 - 10]);
    expect(plan).toMatchObject({ batchSize: 125, stepsPerEpoch: 3, epochs: 4 });
    expect(planPhase({ ...bounded, maxEpochSteps: 30 }, split(40, 60), config)).toMatchObject({
      stepsPerEpoch: 10,
    });
  });

  test("a phase may ask for several times the least steps of an epoch", () => {
    const wanting = { ...phase("all"), minEpochFactor: 13, maxEpochSteps: 130 };
    expect(planPhase(wanting, split(40, 60), config).stepsPerEpoch).toBe(130);
    expect(planPhase(wanting, split(40, 60), { ...config, minEpochSteps: 2 }).stepsPerEpoch).toBe(26);
    expect(planPhase(wanting, split(40, 60_000), config).stepsPerEpoch).toBe(130);
  });

  test("validation and test rows are in no phase", () => {
    for (const data of ["all", "labelled", "joint"] as const) {
      const plan = planPhase(phase(data), split(20, 30), config);
      const seen = [...plan.rows, ...(plan.unlabelled?.rows ?? [])];
      expect(seen.every((row) => row < 90000)).toBe(true);
    }
  });

  test.each([
    [3195, 256, 13],
    [540, 67, 10],
    [100, 32, 10],
    [20, 20, 10],
    [1, 1, 10],
  ])("%d labelled images: batches of %d, %d steps an epoch", (labelled, batchSize, stepsPerEpoch) => {
    const plan = planPhase(phase("labelled", true), split(labelled, 0), config);
    expect(plan).toMatchObject({ batchSize, stepsPerEpoch, epochs: 50 });
  });

  test("an epoch of a joint phase is a pass over the labelled images, as in a supervised one", () => {
    const plan = planPhase(phase("joint", true), split(500, 8000), config);
    expect(plan).toMatchObject({ batchSize: 62, unlabelled: { batchSize: 256 }, stepsPerEpoch: 10 });
    expect(planPhase(phase("labelled", true), split(500, 8000), config).stepsPerEpoch).toBe(10);
  });

  test("a joint phase without a pool uses the labelled images for it", () => {
    expect(planPhase(phase("joint"), split(50, 0), config).unlabelled?.rows.length).toBe(50);
  });

  test("no images is an error that names the phase", () => {
    expect(() => planPhase(phase("labelled"), split(0, 9), config)).toThrow(
      /the phase p but the split has none/,
    );
  });
});

describe("early stop", () => {
  test("more right answers win, then the lower loss", () => {
    expect(isBetter({ accuracy: 0.5, loss: 9 }, undefined)).toBe(true);
    expect(isBetter({ accuracy: 0.6, loss: 9 }, { accuracy: 0.5, loss: 1 })).toBe(true);
    expect(isBetter({ accuracy: 0.5, loss: 0.9 }, { accuracy: 0.5, loss: 1 })).toBe(true);
    expect(isBetter({ accuracy: 0.5, loss: 1 }, { accuracy: 0.5, loss: 1 })).toBe(false);
    expect(isBetter({ accuracy: 0.4, loss: 0.1 }, { accuracy: 0.5, loss: 1 })).toBe(false);
  });

  test("ends after `patience` epochs without a better one", () => {
    const best = { accuracy: 0.5, loss: 1, epoch: 10 };
    expect(isExhausted(12, best, 3)).toBe(false);
    expect(isExhausted(13, best, 3)).toBe(true);
    expect(isExhausted(99, best, 0)).toBe(false);
    expect(isExhausted(99, undefined, 3)).toBe(false);
  });

  test("scores by argmax and mean cross-entropy", () => {
    const score = validationScore(Float32Array.of(0.5, 0.25, 0.25, 0, 0.5, 0.5), [0, 2]);
    expect(score.accuracy).toBe(0.5); // of equal probabilities the first counts
    expect(score.loss).toBeCloseTo(Math.LN2, 6);
    expect(validationScore(Float32Array.of(1, 0), [1]).loss).toBeCloseTo(12 * Math.LN10, 6);
  });
});

describe("history", () => {
  const about = { phase: "supervised", epoch: 2, steps: 4, seconds: 1.23456 };

  test("losses are means over steps, `correct` a share of the images", () => {
    const sums = new Map([
      ["loss", 8],
      ["correct", 30],
    ]);
    expect(epochRecord(about, sums, 40, { accuracy: 0.5, loss: 1.5 })).toEqual({
      phase: "supervised",
      epoch: 2,
      steps: 4,
      losses: { train: 2, validation: 1.5 },
      accuracies: { train: 0.75, validation: 0.5 },
      seconds: 1.235,
    });
  });

  test("a phase with several losses names each", () => {
    const sums = new Map([
      ["discriminatorLoss", 5],
      ["generatorLoss", 3],
    ]);
    expect(epochRecord(about, sums, 40, undefined).losses).toEqual({ discriminator: 1.25, generator: 0.75 });
    expect(meanLoss(sums, 4)).toBe(2);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("a loss of %d ends the run", (loss) => {
    expect(() => epochRecord(about, new Map([["loss", loss]]), 40, undefined)).toThrow(
      expect.objectContaining({ code: "ERR_DIVERGED" }),
    );
    expect(() => epochRecord(about, new Map(), 40, { accuracy: 0, loss })).toThrow(/finite validation/);
  });

  test("is one JSON object a line", () => {
    const record = epochRecord(about, new Map([["loss", 8]]), 40, undefined);
    const lines = Buffer.from(historyLines([record, record]))
      .toString()
      .split("\n");
    expect(lines.length).toBe(3);
    expect(JSON.parse(lines[1]!)).toEqual(record);
  });
});

describe("diagnosis of the adversarial phase", () => {
  const records = (discriminator: number[], generator = 1): EpochRecord[] =>
    discriminator.map((loss, i) => ({
      phase: "adversarial",
      epoch: i + 1,
      steps: 10,
      losses: { discriminator: loss, generator },
      accuracies: {},
      seconds: 1,
    }));

  test("a discriminator at 2 ln 2 learned nothing", () => {
    const [warning] = diagnosePhase(records([1.5, 1.39, 1.387, 1.386]));
    expect(warning).toMatch(/^phase adversarial: the discriminator's loss stayed at 1\.388/);
  });

  test("a discriminator at 0 has a generator that lost", () => {
    expect(diagnosePhase(records([1, 0.1, 0.01, 0.001], 9))[0]).toMatch(
      /fell to 0\.037 \(the generator's is 9\.00\)/,
    );
  });

  test("a contest is no warning, and neither is another kind of phase", () => {
    expect(diagnosePhase(records([1.38, 1.3, 1.1, 0.9]))).toEqual([]);
    expect(diagnosePhase([{ ...records([1])[0]!, losses: { loss: 1.386 } }])).toEqual([]);
    expect(diagnosePhase([])).toEqual([]);
  });
});
