import { describe, expect, test } from "vitest";
import { CONFIG_FIELDS, resolveConfig, splitOptions } from "../../src/training/config.ts";
import { checkResume } from "../../src/training/resume.ts";

test("nothing given gives the defaults, which pass their own checks", () => {
  const config = resolveConfig({});
  expect(config).toMatchObject({
    model: "experts",
    labels: "all",
    seed: 1,
  });
  expect(resolveConfig({ model: "bytewise" })).toMatchObject({ batchSize: 64, learningRate: 3e-3 });
  expect(resolveConfig({ model: "clgan" })).toMatchObject({ batchSize: 256, learningRate: 2e-4 });
  expect(resolveConfig({ batchSize: 8 }).batchSize).toBe(8); // what is said goes first
  expect(resolveConfig({ ...config })).toEqual(config);
});

test("undefined means not given", () => {
  expect(resolveConfig({ seed: undefined }).seed).toBe(1);
});

test("an unknown key is an error that names it and lists the known ones", () => {
  expect(() => resolveConfig({ batchsize: 3 })).toThrow(
    /Unknown training option "batchsize"; the options are model,/,
  );
});

test.each([
  ["labels", "110 percent"],
  ["labels", 0],
  ["labels", 2.5],
  ["unlabeled", -1],
  ["unlabeled", "10%"],
  ["validationShare", 1],
  ["testShare", 0],
  ["split", "time"],
  ["seed", -1],
  ["seed", 1.5],
  ["device", "gpu"],
  ["threads", 0],
  ["batchSize", 0],
  ["learningRate", 0],
  ["learningRate", Number.NaN],
  ["learningRate", Number.POSITIVE_INFINITY],
  ["epochs", 0],
  ["pretrainEpochs", -1],
  ["modelOptions", []],
  ["modelOptions", null],
  ["checkpointSeconds", 0],
  ["model", ""],
])("%s: %j is refused", (key, value) => {
  expect(() => resolveConfig({ [key]: value })).toThrow(
    new RegExp(`^Expected ${key} to be .+ but received `),
  );
});

test("the split takes its options from the config", () => {
  const config = resolveConfig({ labels: "10%", unlabeled: 8000, split: "group", seed: 7 });
  expect(splitOptions(config)).toEqual({
    kind: "group",
    labels: "10%",
    unlabeled: 8000,
    validationShare: 0.1,
    testShare: 0.2,
    seed: 7,
  });
});

test("every option says what it is for", () => {
  for (const field of Object.values(CONFIG_FIELDS)) expect(field.about.length).toBeGreaterThan(10);
});

describe("resuming", () => {
  const saved = resolveConfig({ seed: 3, device: "cpu", threads: 2 });

  test("takes the run's config where nothing or the same is given", () => {
    expect(checkResume(saved, {})).toEqual(saved);
    expect(checkResume(saved, { seed: 3, device: "auto" })).toEqual(saved);
  });

  test("names every option that differs", () => {
    expect(() => checkResume(saved, { seed: 4, batchSize: 8 })).toThrow(
      /seed was 3, now 4; batchSize was 256, now 8/,
    );
  });

  test("how often to save may change", () => {
    expect(checkResume(saved, { checkpointSeconds: 5 })).toEqual({ ...saved, checkpointSeconds: 5 });
  });
});
