import { describe, expect, it } from "vitest";
import { BatchNorm } from "../../src/nn/layers/batch-norm.ts";
import { ConvTranspose2d } from "../../src/nn/layers/conv-transpose2d.ts";
import { Conv1d } from "../../src/nn/layers/conv1d.ts";
import { Conv2d } from "../../src/nn/layers/conv2d.ts";
import { Dropout } from "../../src/nn/layers/dropout.ts";
import { Linear } from "../../src/nn/layers/linear.ts";
import { Lstm } from "../../src/nn/layers/lstm.ts";
import { Module } from "../../src/nn/module.ts";

class Pair extends Module {
  readonly first = new Linear(3, 2);
  readonly norm = new BatchNorm(2);
  readonly lstm = new Lstm(2, 4, { bidirectional: true });
}

describe("Module", () => {
  it("names parameters and buffers by their path", () => {
    const pair = new Pair().initialize(1);
    expect([...pair.stateDict().keys()]).toEqual([
      "first.weight",
      "first.bias",
      "norm.weight",
      "norm.bias",
      "norm.runningMean",
      "norm.runningVariance",
      ...[0, 1].flatMap((direction) =>
        ["inputHidden", "hiddenHidden", "inputBias", "hiddenBias"].map(
          (name) => `lstm.directions.${direction}.${name}`,
        ),
      ),
    ]);
    expect(pair.first.weight.path).toBe("first.weight");
    expect(pair.parameters()).not.toContain(pair.norm.runningMean);
    expect(pair.parameters()).toHaveLength(12);
  });

  it("refuses a parameter that two roots reach under different names", () => {
    const pair = new Pair().initialize(1);
    expect(() => pair.first.initialize(1)).toThrow(
      "Expected parameter first.weight to belong to one root module",
    );
  });

  it("loads what it saved, and shares no memory with it", () => {
    const state = new Pair().initialize(1).stateDict();
    const other = new Pair().initialize(2);
    other.loadStateDict(state);
    expect(other.stateDict()).toEqual(state);
    state.get("first.bias")!.fill(9);
    expect(other.first.bias.values()).not.toContain(9);
  });

  it("refuses states of another model and then changes nothing", () => {
    const pair = new Pair().initialize(1);
    const before = pair.stateDict();
    const missing = new Map(before);
    missing.delete("norm.bias");
    const unknown = new Map(before).set("third.weight", new Float32Array(1));
    const short = new Map(new Pair().initialize(2).stateDict()).set(
      "lstm.directions.1.hiddenBias",
      new Float32Array(3),
    );
    const code = expect.objectContaining({ code: "ERR_CHECKPOINT" });
    for (const state of [missing, unknown, short]) {
      expect(() => pair.loadStateDict(state)).toThrow(code);
    }
    expect(() => pair.loadStateDict(short)).toThrow(
      "Expected 16 values for lstm.directions.1.hiddenBias [16] but received 3",
    );
    expect(pair.stateDict()).toEqual(before);
  });
});

describe("initial values", () => {
  it.each([
    ["Linear", new Linear(400, 50), "weight", 400],
    ["Linear", new Linear(400, 5000), "bias", 400],
    ["Conv1d", new Conv1d(28, 128, { kernel: 5 }), "weight", 28 * 5],
    ["Conv2d", new Conv2d(32, 64, { kernel: 3 }), "weight", 32 * 9],
    // PyTorch counts the outputs of a transposed convolution as its inputs.
    ["ConvTranspose2d", new ConvTranspose2d(128, 64, { kernel: 5 }), "weight", 64 * 25],
    ["Lstm", new Lstm(64, 256), "directions.0.inputHidden", 256],
    ["Lstm", new Lstm(64, 256), "directions.0.hiddenBias", 256],
  ])("%s: uniform within 1 / sqrt(fan in), %#", (_, module: Module, path, fanIn) => {
    const values = module.initialize(5).stateDict().get(path)!;
    const bound = 1 / Math.sqrt(fanIn);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest).toBeLessThanOrEqual(Math.fround(bound));
    expect(largest).toBeGreaterThan(0.98 * bound);
    expect(Math.abs(mean)).toBeLessThan((5 * bound) / Math.sqrt(3 * values.length));
    expect(variance / (bound ** 2 / 3)).toBeCloseTo(1, 1);
  });

  it("batch norm starts as the identity", () => {
    const state = new BatchNorm(3).initialize(1).stateDict();
    expect([...state.values()].map((values) => values[0])).toEqual([1, 0, 0, 1]);
  });

  it("dropout refuses what is no probability below 1", () => {
    expect(() => new Dropout(1)).toThrow("Expected probability to be a number in [0, 1) but received 1");
    expect(() => new Dropout(Number.NaN)).toThrow("received NaN");
  });
});
