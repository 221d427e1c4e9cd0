// One cell, with models that need no libtorch.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Cell, Trial } from "../../src/reproduce/cells.ts";
import { contender } from "../../src/reproduce/contenders.ts";
import { executeCell, forgetRun } from "../../src/reproduce/execute.ts";
import { describeMachine } from "../../src/reproduce/machine.ts";
import { fixture, repeated } from "../dataset/fixtures.ts";
import { tempFolder } from "../support/temp-folder.ts";

// 60 + 40 images to train on, 20 + 20 to test.
const labels = repeated([0, 60], [1, 40], [0, 20], [1, 20]);
const fresh = fixture({ labels, testRows: Array.from({ length: 40 }, (_, i) => 100 + i) });
const images = fresh.images.slice();
// Five test images of class 0 are the first image to train on.
for (let i = 0; i < 5; i++) images.copyWithin((100 + i) * 784, 0, 784);
const dataset = { ...fresh, images, manifest: { ...fresh.manifest, view: "l7", mask: "none" } as const };

async function execute(over: Partial<Trial>, out = tempFolder()) {
  const trial: Trial = {
    set: "ustc20/SessionL7",
    contender: contender("majority"),
    labels: 50,
    unlabelled: 0,
    training: {},
    labelCount: 50,
    poolCount: 0,
    sharesPretraining: false,
    ...over,
  };
  const cell: Cell = { key: "cell", trial, seed: 2, tables: [] };
  const options = {
    out,
    machine: await describeMachine(),
    device: "auto" as const,
    threads: 1,
    signal: undefined,
    onProgress: () => undefined,
  };
  return executeCell(cell, { name: trial.set, dataset, notes: [] }, options);
}

describe("a cell", () => {
  it("keeps scores, the confusion matrix, what it learned from, and where it ran", async () => {
    const result = await execute({});
    expect(result).toMatchObject({
      key: "cell",
      contender: "majority",
      seed: 2,
      view: "l7",
      mask: "none",
      split: "given",
      unlabelled: 0,
      test: 40,
      leaked: 5,
      sharedSeconds: 0,
      confusion: [
        [20, 0],
        [20, 0],
      ],
    });
    expect(result.labelled + result.validation).toBe(50);
    expect(result.config).toMatchObject({ model: "majority", labels: 50, seed: 2, pretrained: "" });
    expect(result.scores.accuracy).toBe(0.5);
    expect(result.machine.cores).toBeGreaterThan(0);
    expect(result.datasetSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  });

  it("is scored without the test images that are copies of training images, too", async () => {
    // 15 of class 0 and 20 of class 1 are left.
    const { withoutLeaked } = await execute({});
    expect(withoutLeaked!.accuracy).toBeCloseTo(15 / 35, 12);
    const trees = await execute({ contender: contender("trees"), labels: "all" });
    expect(trees.confusion.flat().reduce((sum, count) => sum + count, 0)).toBe(40);
    expect(trees.withoutLeaked!.accuracy).toBeLessThanOrEqual(1);
  });

  it("leaves nothing behind once it is forgotten", async () => {
    const out = tempFolder();
    await execute({}, out);
    expect(existsSync(join(out, "runs/cell/model.onnx"))).toBe(true);
    await forgetRun(out, "cell");
    expect(existsSync(join(out, "runs/cell"))).toBe(false);
  });
});
