// Distilling through the library: what the student learns, that it can be stopped, and what is refused.
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Dataset } from "../../src/dataset/types.ts";
import { evaluateModel } from "../../src/evaluation/evaluate-model.ts";
import { Classifier } from "../../src/inference/index.ts";
import { readModelMetadata } from "../../src/onnx/metadata.ts";
import { type DistillOptions, distill, readRunSplit, train } from "../../src/training/index.ts";
import { describeTorch } from "../nn/with-torch.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { digests } from "./runs.ts";
import { tinyDataset, tinySplit } from "./tiny-dataset.ts";

const dataset: Dataset = tinyDataset(240, 1, true);
const SHAPE = { width: 16, bytes: 784 };
const CONFIG = { threads: 1, device: "cpu", epochs: 1, batchSize: 32 } as const;

let folder: string;
let teacher: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "flowglyph-distill-"));
  teacher = join(folder, "teacher");
  const config = { model: "factors", labels: 60, threads: 1, modelOptions: { dimensions: 8 } } as const;
  await train(dataset, tinySplit(dataset, config), config, { run: teacher });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const small = (options: Partial<DistillOptions> = {}, config = {}) =>
  distill(
    teacher,
    dataset,
    { ...CONFIG, ...config },
    { run: join(tempFolder(), "small"), shape: SHAPE, ...options },
  );

describeTorch("distill", () => {
  test("the student comes to say what the teacher says, of sessions that it has not seen", async () => {
    const { metrics } = await small({ int8: "off" });
    const { forms, summary } = metrics.distilled!;
    expect(forms.map(({ arithmetic }) => arithmetic)).toEqual(["float32"]);
    expect(summary.test.rows).toBe(metrics.test);
    expect(summary.test.teacher).toBeGreaterThan(0.9);
    // Three classes: a third would be chance.
    expect(summary.test.same).toBeGreaterThan(0.9);
    expect(metrics.accuracy).toBe(summary.test.student);
  });

  test("the run is one like any other: split, metadata and model agree, and the file gives the scores", async () => {
    const run = join(tempFolder(), "small");
    const { metrics } = await small({ run, int8: "on" });
    const own = await readRunSplit(teacher, dataset);
    const split = await readRunSplit(run, dataset);
    expect([...split.test]).toEqual([...own.test]);
    expect([...split.validation]).toEqual([...own.validation]);
    // All rows teach but those that test and validate, whatever the teacher left out.
    expect(split.labelled.length + split.unlabelled.length).toBe(
      dataset.count - own.test.length - own.validation.length,
    );
    const metadata = await readModelMetadata(join(run, "model.onnx"));
    expect(metadata).toMatchObject({
      model: "patchwise",
      modelOptions: SHAPE,
      classes: dataset.classes,
      view: "l3",
      mask: "identity",
      idleTimeout: 120,
      activeTimeout: 1800,
      distilled: { arithmetic: "int8", teacher: { model: "factors" }, test: { rows: metrics.test } },
    });
    expect(metadata.calibration?.source).toBe("validation");
    const classifier = await Classifier.load(run, { workers: 1, batch: 16 });
    const { evaluation } = await evaluateModel(classifier, dataset, split.test);
    await classifier.close();
    expect(evaluation.accuracy).toBe(metrics.accuracy);
  });

  test("stopped and resumed it ends with the same bits, and does not ask the teacher twice", async () => {
    const whole = join(tempFolder(), "whole");
    const cut = join(tempFolder(), "cut");
    const twice = { epochs: 2 };
    await small({ run: whole, int8: "off" }, twice);
    const stop = new AbortController();
    const stopped = small({ run: cut, int8: "off", signal: stop.signal, onEpoch: () => stop.abort() }, twice);
    await expect(stopped).rejects.toMatchObject({ code: "ERR_ABORTED" });
    expect(existsSync(join(cut, "model.onnx"))).toBe(false);
    const asked: string[] = [];
    await small(
      { run: cut, resume: true, shape: undefined, onProgress: ({ phase }) => asked.push(phase) },
      twice,
    );
    expect(new Set(asked)).toEqual(new Set(["distillation"]));
    expect(digests(cut).weights).toBe(digests(whole).weights);
    const metrics = (run: string) => JSON.parse(readFileSync(join(run, "metrics.json"), "utf8"));
    expect(metrics(cut).evaluation).toEqual(metrics(whole).evaluation);
  });

  test("speedup chooses among measured sizes, and says what it measured", async () => {
    const sizes: unknown[] = [];
    const { config, warnings } = await small({
      shape: undefined,
      speedup: 1e9,
      onSize: (size) => sizes.push(size),
    });
    // Nothing is that fast: the fastest is what can be had.
    expect(config.modelOptions).toEqual({ width: 16, bytes: 256 });
    expect(warnings.join("\n")).toMatch(/1000000000 times the teacher's speed was asked for, and this/);
    expect(sizes).toHaveLength(1);
    expect(sizes[0]).toMatchObject({ width: 16, bytes: 256, teacher: expect.any(Number) });
  });

  test.each<[string, Partial<DistillOptions>, string, RegExp]>([
    ["a speedup of nothing", { speedup: 0 }, "ERR_ARGUMENT", /speedup to be a number above 0/],
    ["a shape that does not divide", { shape: { width: 16, bytes: 100 } }, "ERR_ARGUMENT", /divisible by 16/],
  ])("refuses %s", async (_, options, code, message) => {
    await expect(small(options)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test("refuses its own teacher's folder, and a folder that is no run", async () => {
    await expect(small({ run: teacher })).rejects.toThrow(/another folder than the teacher's/);
    const nothing = distill(tempFolder(), dataset, CONFIG, {
      run: join(tempFolder(), "small"),
      shape: SHAPE,
    });
    await expect(nothing).rejects.toMatchObject({
      code: "ERR_ARGUMENT",
      message: expect.stringMatching(
        /folder of a trained run but .* holds no model.onnx, no config.json, no split.json/,
      ),
    });
  });

  test("refuses images of another view or mask, and other classes", async () => {
    const other = (changed: Partial<Dataset>) =>
      distill(teacher, { ...dataset, ...changed }, CONFIG, {
        run: join(tempFolder(), "small"),
        shape: SHAPE,
      });
    const manifest = { ...dataset.manifest, mask: "none" } as const;
    await expect(other({ manifest })).rejects.toMatchObject({
      code: "ERR_MODEL_FORMAT",
      message: expect.stringMatching(/mask identity, as the model of .* but the dataset has mask none/),
    });
    await expect(other({ manifest: { ...dataset.manifest, view: "l7" } })).rejects.toThrow(/view l3/);
    await expect(other({ classes: ["chat", "mail", "video"] })).rejects.toMatchObject({
      code: "ERR_LABELS",
      message: expect.stringMatching(/chat, mail, voice\) but the dataset has chat, mail, video/),
    });
  });

  test("another dataset of the same kind teaches too, and the doubt about its test part is said", async () => {
    const { metrics } = await distill(teacher, tinyDataset(120, 9, true), CONFIG, {
      run: join(tempFolder(), "small"),
      shape: SHAPE,
    });
    expect(metrics.warnings.join("\n")).toMatch(/may hold what the teacher has learned from/);
    expect(metrics.test).toBe(24);
  });

  test("a resumed run keeps its teacher and its options", async () => {
    const run = join(tempFolder(), "small");
    await small({ run, int8: "off" });
    await expect(small({ run })).rejects.toThrow(/resume or overwrite/);
    await expect(small({ run, resume: true, int8: "on" })).rejects.toThrow(
      /int8 to be off, as the run was started with/,
    );
    await expect(small({ run, resume: true }, { epochs: 3 })).rejects.toThrow(/epochs was 1, now 3/);
    const other = join(tempFolder(), "other");
    cpSync(teacher, other, { recursive: true });
    cpSync(join(run, "model.onnx"), join(other, "model.onnx"));
    const resumed = distill(other, dataset, CONFIG, { run, resume: true });
    await expect(resumed).rejects.toMatchObject({ code: "ERR_CHECKPOINT" });
  });
});
