import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { TrainableModel } from "../../src/models/model.ts";
import { createModel, findModel, MODELS, resolveModelOptions } from "../../src/models/registry.ts";
import { NETWORKS } from "./networks.ts";

const request = { classes: 3, seed: 1 };

const digest = ({ root }: TrainableModel) => {
  const hash = createHash("sha256");
  for (const [path, values] of root.stateDict()) hash.update(path).update(new Uint8Array(values.buffer));
  return hash.digest("hex");
};

describe("model registry", () => {
  it("has rows with distinct names, and options whose defaults pass their own check", () => {
    expect(new Set(MODELS.map(({ name }) => name)).size).toBe(MODELS.length);
    for (const { description, options } of MODELS) {
      expect(description).not.toBe("");
      for (const option of Object.values(options)) {
        expect(option.check(option.default)).toBe(true);
      }
    }
  });

  it("fills in defaults", () => {
    expect(resolveModelOptions("clgan", { attention: true })).toEqual({
      bidirectional: false,
      attention: true,
      enhancement: false,
      dropout: 0.5,
      outputNorm: true,
    });
  });

  it("refuses unknown names, unknown options and wrong values", () => {
    expect(() => findModel("gan")).toThrow('but received "gan"');
    expect(() => createModel("clgan", { bidirektional: true }, request)).toThrow(
      'Expected options of model clgan (bidirectional, attention, enhancement, dropout, outputNorm) but received "bidirektional"',
    );
    expect(() => resolveModelOptions("majority", { trees: 1 })).toThrow("(it has none)");
    expect(() => createModel("majority", {}, request)).toThrow("Expected model to be a network");
    expect(() => createModel("clgan", { toString: 1 }, request)).toThrow('received "toString"');
    expect(() => createModel("clgan", { dropout: 1 }, request)).toThrow("a number in [0, 1) but received 1");
    expect(() => createModel("clgan", {}, { classes: 1, seed: 1 })).toThrow("Expected classes");
    expect(() => createModel("clgan", {}, { classes: 2, seed: 0.5 })).toThrow("Expected seed");
    expect(() => createModel("clgan", {}, { ...request, learningRate: 0 })).toThrow("Expected learningRate");
  });

  it("makes models without libtorch, the same from the same seed", () => {
    for (const { name } of NETWORKS) {
      const [state, again, other] = [1, 1, 2].map((seed) =>
        digest(createModel(name, {}, { classes: 3, seed })),
      );
      expect(again).toBe(state);
      expect(other).not.toBe(state);
    }
  });

  it("starts shared layers alike whatever the other options are", () => {
    const state = (options: object) => createModel("clgan", { ...options }, request).root.stateDict();
    expect(state({ bidirectional: true }).get("trunk.conv2.weight")).toEqual(
      state({}).get("trunk.conv2.weight"),
    );
  });
});
