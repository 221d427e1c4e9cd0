import { describe, expect, it } from "vitest";
import { IMAGE_BYTES } from "../../src/dataset/types.ts";
import { evaluatePredictions } from "../../src/evaluation/evaluate.ts";
import { evaluateModel } from "../../src/evaluation/evaluate-model.ts";
import { classTable, confusionTable, evaluationReport, scoreTable } from "../../src/evaluation/report.ts";
import { fixture, repeated } from "../dataset/fixtures.ts";

const evaluation = evaluatePredictions(
  [0, 0, 0, 1, 1, 2],
  [0, 0, 1, 1, 1, 0],
  ["chat", "file transfer", "p2p"],
);

describe("reports", () => {
  it("put the score beside the baselines, and say what was skipped", () => {
    const text = scoreTable("clgan", evaluation, [
      { name: "majority class", accuracy: 0.5, macroF1: 2 / 9, seconds: 0 },
      { name: "1-nearest neighbour", skipped: "too many pairs" },
    ]);
    expect(text).toBe(
      [
        "                accuracy %  macro-F1 %",
        "clgan                66.67       48.89",
        "majority class       50.00       22.22",
        "1-nearest neighbour: skipped, too many pairs",
        "",
      ].join("\n"),
    );
  });

  it("give each class a line, then the averages", () => {
    expect(classTable(evaluation).split("\n")).toEqual([
      "class             images  precision  recall      F1  specificity     NPV",
      "chat                   3     0.6667  0.6667  0.6667       0.6667  0.6667",
      "file transfer          2     0.6667  1.0000  0.8000       0.7500  1.0000",
      "p2p                    1     0.0000  0.0000  0.0000       1.0000  0.8333",
      "macro average          6     0.4444  0.5556  0.4889       0.8056  0.8333",
      "weighted average       6     0.5556  0.6667  0.6000       0.7500  0.8056",
      "",
    ]);
  });

  it("show the confusion matrix with true classes in rows", () => {
    expect(confusionTable(evaluation).split("\n")).toEqual([
      "                  0  1  2",
      "0  chat           2  1  .",
      "1  file transfer  .  2  .",
      "2  p2p            1  .  .",
      "",
    ]);
  });

  it("name view, mask, split and label count, without a terminal's escape codes", () => {
    const context = {
      name: "clgan",
      view: "l3",
      mask: "identity",
      split: "group",
      labels: "10%",
      labelled: 90,
      seed: 3,
    };
    const text = evaluationReport(evaluation, context, []);
    expect(text.split("\n")[0]).toBe(
      "6 images, view l3, mask identity, split group, labels 10% (90 rows to learn from), seed 3",
    );
    expect(text).not.toContain("\x1b");
  });
});

describe("scoring a model on a dataset", () => {
  const dataset = fixture({ labels: [...repeated([0, 1500], [1, 1500]), -1], classes: ["a", "b"] });
  // A classifier that reads the label off the image's first byte; its classes are in another order.
  const classifier = {
    metadata: { classes: ["b", "c", "a"], view: "unknown", mask: "identity" },
    predict: (images: Uint8Array) =>
      Promise.resolve({
        probabilities: Float32Array.from({ length: (images.length / IMAGE_BYTES) * 3 }, (_, i) =>
          (i % 3 === 2) === (images[Math.floor(i / 3) * IMAGE_BYTES] === 0) && i % 3 !== 1 ? 0.9 : 0.05,
        ),
      }),
  } as unknown as Parameters<typeof evaluateModel>[0];
  const labelled = Uint32Array.from({ length: 3000 }, (_, i) => i);

  it("matches classes by name", async () => {
    const { evaluation: scores } = await evaluateModel(classifier, dataset, labelled);
    expect([scores.accuracy, scores.images, scores.classes]).toEqual([1, 3000, ["b", "c", "a"]]);
    expect(scores.perClass.map(({ support }) => support)).toEqual([1500, 0, 1500]);
    expect(scores.macroF1).toBe(1);
  });

  it("refuses rows without a label, unknown classes and images of another mask", async () => {
    await expect(evaluateModel(classifier, dataset, Uint32Array.of(3000))).rejects.toMatchObject({
      code: "ERR_LABELS",
    });
    const other = { ...dataset, classes: ["a", "z"] };
    await expect(evaluateModel(classifier, other, labelled)).rejects.toThrow(/\(b, c, a\) but it has "z"/);
    const masked = { ...dataset, manifest: { ...dataset.manifest, mask: "none" as const } };
    await expect(evaluateModel(classifier, masked, labelled)).rejects.toMatchObject({
      code: "ERR_MODEL_FORMAT",
    });
  });

  it("stops when it is aborted", async () => {
    const signal = AbortSignal.abort();
    await expect(evaluateModel(classifier, dataset, labelled, { signal })).rejects.toMatchObject({
      code: "ERR_ABORTED",
    });
  });
});
