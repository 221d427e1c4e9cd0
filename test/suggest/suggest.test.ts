import { describe, expect, test } from "vitest";
import { makeSplit } from "../../src/dataset/split.ts";
import type { Dataset } from "../../src/dataset/types.ts";
import type { Classifier } from "../../src/inference/index.ts";
import { suggest, suggestionRows } from "../../src/suggest/index.ts";
import { tinyDataset } from "../training/tiny-dataset.ts";

const dataset = tinyDataset();

/** A model that takes the sum of an image's first bytes for its doubt. */
function model(classes = dataset.classes): Pick<Classifier, "metadata" | "predict"> {
  return {
    metadata: { ...dataset.manifest, classes } as unknown as Classifier["metadata"],
    predict: async (images) => {
      const probabilities = new Float32Array((images.length / 784) * classes.length);
      for (let row = 0; row < images.length / 784; row++) {
        const doubt = images.subarray(row * 784, row * 784 + 9).reduce((a, b) => a + b, 0) / (9 * 256);
        probabilities[row * classes.length] = 0.5 + doubt / 2;
        probabilities[row * classes.length + 1] = 0.5 - doubt / 2;
      }
      return { probabilities } as Awaited<ReturnType<Classifier["predict"]>>;
    },
  };
}

const unlabelled = (rows: readonly number[] = [...dataset.labels.keys()]): Dataset => {
  const labels = dataset.labels.slice();
  for (const row of rows) labels[row] = -1;
  return { ...dataset, labels };
};
const rowsOf = async (...args: Parameters<typeof suggest>) =>
  (await suggest(...args)).suggestions.map(({ row }) => row);

describe("suggest", () => {
  test("takes rows without a label, the least sure first, and says what the model takes them for", async () => {
    const open = [3, 10, 20, 30, 40, 50];
    const found = await suggest(unlabelled(open), model(), undefined, { count: 4, strategy: "margin" });
    expect(found).toMatchObject({ strategy: "margin", candidates: 6 });
    const { suggestions } = found;
    expect(suggestions).toHaveLength(4);
    expect(suggestions.every(({ row }) => open.includes(row))).toBe(true);
    const sure = suggestions.map(({ probability }) => probability!);
    expect([...sure].sort((a, b) => a - b)).toEqual(sure);
    expect(suggestions.every(({ bestClass }) => bestClass === "chat")).toBe(true);
    const all = await suggest(unlabelled(open), model(), undefined, { count: 99 });
    expect(all.suggestions.map(({ row }) => row).sort((a, b) => a - b)).toEqual(open);
  });

  test("never asks for what the run has learned from, validated or tests with, whatever labels the dataset holds", async () => {
    const split = makeSplit(dataset, { labels: 20, seed: 3 });
    const rows = await rowsOf(dataset, model(), split, { count: 999 });
    expect([...rows].sort((a, b) => a - b)).toEqual([...split.unlabelled]);
    const later = await rowsOf(unlabelled(), model(), split, { count: 999 });
    expect([...later].sort((a, b) => a - b)).toEqual([...split.unlabelled]);
    // A control: without the split they would be asked for.
    expect(await rowsOf(unlabelled(), model(), undefined, { count: 999 })).toHaveLength(90);
  });

  test("of equal images asks for one, and for none that a labelled one equals", async () => {
    const images = dataset.images.slice();
    for (const [from, to] of [
      [1, 2],
      [5, 80],
    ] as const)
      images.copyWithin(to * 784, from * 784, (from + 1) * 784);
    const open = [1, 2, 3, 80];
    const rows = await rowsOf({ ...unlabelled(open), images }, model(), undefined, { count: 9 });
    expect([...rows].sort((a, b) => a - b)).toEqual([1, 3]);
  });

  test("is the same again, and another with another seed where chance decides", async () => {
    const ask = (seed: number, strategy: string) =>
      rowsOf(unlabelled(), model(), undefined, { count: 10, seed, strategy });
    for (const strategy of ["badge", "typical", "random"])
      expect(await ask(1, strategy)).toEqual(await ask(1, strategy));
    expect(await ask(1, "random")).not.toEqual(await ask(2, "random"));
  });

  test("among equally doubtful ones chance decides, not the order of rows", async () => {
    const flat: Pick<Classifier, "metadata" | "predict"> = {
      ...model(),
      predict: async (images) =>
        ({ probabilities: new Float32Array((images.length / 784) * 3).fill(1 / 3) }) as Awaited<
          ReturnType<Classifier["predict"]>
        >,
    };
    const rows = await rowsOf(unlabelled(), flat, undefined, { count: 10, strategy: "margin" });
    expect([...rows].sort((a, b) => a - b)).not.toEqual([...Array(10).keys()]);
  });

  test("without a model takes what needs none", async () => {
    const found = await suggest(unlabelled(), undefined, undefined, { count: 6 });
    expect(found.strategy).toBe("typical");
    expect(found.suggestions[0]).toMatchObject({ bestClass: undefined, probability: undefined });
    // Bright bands tell the classes: two of each are found without a label.
    const kinds = found.suggestions.map(({ row }) => dataset.labels[row]);
    expect(new Set(kinds).size).toBe(3);
    await expect(
      suggest(unlabelled(), undefined, undefined, { count: 6, strategy: "margin" }),
    ).rejects.toThrow(/needs no model/);
  });

  test("says what is wrong", async () => {
    await expect(suggest(dataset, model(), undefined, { count: 5 })).rejects.toMatchObject({
      code: "ERR_LABELS",
    });
    await expect(suggest(unlabelled(), model(), undefined, { count: 0 })).rejects.toThrow(/count/);
    const other = { ...unlabelled(), manifest: { ...dataset.manifest, view: "l7" as const } };
    await expect(suggest(other, model(), undefined, { count: 5 })).rejects.toMatchObject({
      code: "ERR_MODEL_FORMAT",
    });
    const signal = AbortSignal.abort();
    await expect(suggest(unlabelled(), model(), undefined, { count: 5, signal })).rejects.toMatchObject({
      code: "ERR_ABORTED",
    });
  });
});

test("rows of a dataset without sessions name row and image alone", () => {
  const rows = suggestionRows(dataset, [{ row: 4, bestClass: "chat", probability: 0.5 }]);
  expect(rows).toEqual([
    {
      row: 4,
      image: expect.stringMatching(/^x[0-9a-f]{32}$/),
      best_class: "chat",
      probability: 0.5,
      class: "",
    },
  ]);
  const [other] = suggestionRows(dataset, [{ row: 5, bestClass: undefined, probability: undefined }]);
  expect(other).toMatchObject({ best_class: "", probability: "" });
  expect(other!.image).not.toBe(rows[0]!.image);
});
