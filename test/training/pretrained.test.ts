// Starting from another run's phases without labels: same weights as running them, and nothing that does not belong.
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { torchAvailable } from "../../bindings/torch/index.ts";
import { makeNestedSplits } from "../../src/dataset/nested-splits.ts";
import { readRunSplit, train } from "../../src/training/index.ts";
import { decodeSafetensors } from "../../src/training/safetensors.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { digests } from "./runs.ts";
import { TINY_CONFIG, tinyDataset, tinySplit } from "./tiny-dataset.ts";

const dataset = tinyDataset();
const split = tinySplit(dataset);

describe.skipIf(!torchAvailable())("--pretrained (needs libtorch)", () => {
  const folder = mkdtempSync(join(tmpdir(), "flowglyph-pretrained-"));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  let shared: Promise<string> | undefined;
  const pretrainedRun = () => {
    shared ??= (async () => {
      await train(dataset, split, TINY_CONFIG, { run: folder });
      return folder;
    })();
    return shared;
  };
  const attempt = async (config: object, parts: object = {}, over: object = {}) => {
    const pretrained = await pretrainedRun();
    const run = tempFolder();
    const result = await train(
      { ...dataset, ...over },
      { ...split, ...parts },
      { ...TINY_CONFIG, pretrained, ...config },
      { run },
    );
    return { run, result };
  };

  test("gives the weights of the run that did it all, and leaves its phases out", async () => {
    const { run, result } = await attempt({});
    expect(digests(run)).toEqual(digests(await pretrainedRun()));
    expect(result.history.map(({ phase }) => phase)).toEqual(Array(4).fill("supervised"));
    expect(existsSync(join(run, "pretrained.safetensors"))).toBe(false);
  });

  test("one pre-training serves nested label budgets, without a warning", async () => {
    const splits = makeNestedSplits(dataset, { seed: 5, validationShare: 0.25 }, [12, 36]);
    const run = tempFolder();
    await train(dataset, splits[1]!, TINY_CONFIG, { run });
    const { warnings } = await train(
      dataset,
      splits[0]!,
      { ...TINY_CONFIG, pretrained: run },
      { run: tempFolder() },
    );
    expect(warnings.join()).not.toMatch(/validation images/);
  });

  test("the layer that the labels belong to starts from the new seed, the rest from the old run", async () => {
    const path = join(await pretrainedRun(), "pretrained.safetensors");
    const names = [...decodeSafetensors(await readFile(path), path).tensors.keys()];
    expect(names).toContain("model/trunk.conv1.weight");
    expect(names).toContain("model/generator.norm1.runningMean");
    expect(names.filter((name) => name.startsWith("model/classes"))).toEqual([]);
  });

  test("is resumed exactly, also when the other run has gone", async () => {
    const pretrained = tempFolder();
    await cp(await pretrainedRun(), pretrained, { recursive: true });
    const run = tempFolder();
    const abort = new AbortController();
    const stopped = train(
      dataset,
      split,
      { ...TINY_CONFIG, pretrained },
      { run, signal: abort.signal, onEpoch: ({ epoch }) => epoch === 2 && abort.abort() },
    );
    await expect(stopped).rejects.toMatchObject({ code: "ERR_ABORTED" });
    await rm(pretrained, { recursive: true });
    await train(dataset, split, {}, { run, resume: true });
    expect(digests(run)).toEqual(digests(await pretrainedRun()));
  });

  test("a run stopped between its phases still leaves its pre-training behind", async () => {
    const run = tempFolder();
    const abort = new AbortController();
    const stopped = train(dataset, split, TINY_CONFIG, {
      run,
      signal: abort.signal,
      onEpoch: ({ phase, epoch }) => phase === "adversarial" && epoch === 2 && abort.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: "ERR_ABORTED" });
    const bytes = (folder: string) => readFileSync(join(folder, "pretrained.safetensors"));
    expect(bytes(run).equals(bytes(await pretrainedRun()))).toBe(true);
  });

  test("validation images that it saw are told, in the run's split too", async () => {
    const [seen] = split.unlabelled;
    const parts = {
      validation: Uint32Array.of(seen!, ...split.validation),
      unlabelled: split.unlabelled.slice(1),
    };
    const { run, result } = await attempt({}, parts);
    expect(result.warnings.join()).toMatch(/^1 of 10 validation images were in the pool/);
    expect((await readRunSplit(run, dataset)).warnings).toEqual(result.warnings);
    const pretrained = await pretrainedRun();
    const again = await train(
      dataset,
      { ...split, ...parts },
      { ...TINY_CONFIG, pretrained },
      { run, resume: true },
    );
    expect(again.warnings).toEqual(result.warnings);
  });

  test("another dataset may start from it, with other classes", async () => {
    const classes = ["chat", "mail", "voice", "video"];
    const { images } = tinyDataset(90, 2);
    const { result } = await attempt({ seed: 9 }, {}, { images, classes });
    expect(result.metrics.accuracy).not.toBeNull();
  });

  describe("refuses", () => {
    test("a test part that its pool holds, by row or by image", async () => {
      const test = Uint32Array.of(split.unlabelled[0]!, ...split.test);
      const parts = { test, unlabelled: split.unlabelled.slice(1) };
      const message = /1 of its 19 images were in that pool/;
      await expect(attempt({}, parts)).rejects.toThrow(message);
      const images = Uint8Array.from(dataset.images);
      images[split.labelled[0]! * 784]! ^= 1; // another dataset now, most of it the same
      await expect(attempt({}, parts, { images })).rejects.toThrow(message);
    });

    test.each([
      [
        "another model's options",
        { modelOptions: { bidirectional: true } },
        /Expected weights of modelOptions/,
      ],
      ["another recipe", { recipe: "stable" }, /Expected weights of recipe "stable"/],
    ])("%s", async (_name, config, message) => {
      await expect(attempt(config)).rejects.toMatchObject({
        code: "ERR_CHECKPOINT",
        message: expect.stringMatching(message),
      });
    });

    test("a folder without one, a damaged file, a fitted model", async () => {
      await expect(attempt({ pretrained: tempFolder() })).rejects.toMatchObject({ code: "ERR_IO" });
      const damaged = tempFolder();
      await writeFile(join(damaged, "pretrained.safetensors"), "no tensors");
      await expect(attempt({ pretrained: damaged })).rejects.toMatchObject({ code: "ERR_CHECKPOINT" });
      await expect(attempt({ model: "majority" })).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
    });
  });
});
