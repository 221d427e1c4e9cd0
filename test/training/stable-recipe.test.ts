// The recipes that are not the paper's in a whole run: exact, and flat in memory.
import { describe, expect, test } from "vitest";
import { Adam, Generator, liveTensors, scope, Tensor, torchAvailable } from "../../bindings/torch/index.ts";
import { createModel } from "../../src/models/registry.ts";
import { TorchBackend } from "../../src/nn/torch-backend.ts";
import { train } from "../../src/training/index.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { abortAfter, digests } from "./runs.ts";
import { TINY_CONFIG, tinyDataset, tinySplit } from "./tiny-dataset.ts";

const dataset = tinyDataset();
const split = tinySplit(dataset);

describe.skipIf(!torchAvailable())("--recipe (needs libtorch)", () => {
  test("stable leaves the paper's model as it is, and gives the discriminator a second task and a faster pace", () => {
    const request = { classes: 3, seed: 1, learningRate: 1e-3 };
    for (const name of ["clgan", "dcgan"]) {
      const paper = createModel(name, {}, request);
      const stable = createModel(name, {}, { ...request, recipe: "stable" });
      const paths = [...paper.root.members()].map(([path]) => path);
      const added = [...stable.root.members()].map(([path]) => path).filter((path) => !paths.includes(path));
      expect(added.every((path) => path.startsWith("contrast."))).toBe(true);
      expect(added.length).toBe(4);
      const [{ optimizers: plain }] = paper.phases as [(typeof paper.phases)[0]];
      const [{ optimizers: faster }] = stable.phases as [(typeof stable.phases)[0]];
      expect(plain.discriminator!.learningRate).toBe(1e-3);
      expect(faster.discriminator!.learningRate).toBeCloseTo(5e-3, 10);
      expect(faster.generator!.learningRate).toBe(1e-3);
      expect(faster.discriminator!.parameters.length).toBe(plain.discriminator!.parameters.length + 4);
      expect(stable.phases[1]!.optimizers.classifier!.parameters.map(({ path }) => path)).toEqual(
        paper.phases[1]!.optimizers.classifier!.parameters.map(({ path }) => path),
      );
    }
  });

  test.each([
    ["clgan", "stable", "float32", ["discriminator", "generator", "contrast"]],
    ["clgan", "contrast", "bfloat16", ["contrast"]],
    ["dcgan", "stable", "float32", ["discriminator", "generator", "contrast"]],
  ] as const)(
    "%s, recipe %s, in %s: the same seed gives the same weights, and a stopped run gives them too",
    async (model, recipe, precision, losses) => {
      const config = { ...TINY_CONFIG, model, precision, recipe, pretrainEpochs: 1, epochs: 2 } as const;
      const [whole, stopped] = [tempFolder(), tempFolder()];
      const { history, metrics } = await train(dataset, split, config, { run: whole });
      expect(Object.keys(history[0]!.losses)).toEqual(losses);
      expect(metrics.onnxDifference).toBeLessThanOrEqual(1e-5);
      // Without labels: an epoch of 6 steps; supervised: 2 of 3.
      for (const steps of [4, 5]) {
        const run = train(dataset, split, config, { run: stopped, resume: true, signal: abortAfter(steps) });
        await expect(run).rejects.toMatchObject({ code: "ERR_ABORTED" });
      }
      await train(dataset, split, config, { run: stopped, resume: true });
      expect(digests(stopped)).toEqual(digests(whole));
    },
  );

  /** One step of the stable phase after the other, on a few images. */
  function stableSteps() {
    const model = createModel("clgan", {}, { classes: 3, seed: 1, recipe: "stable" });
    const backend = new TorchBackend(new Generator("cpu", 1));
    backend.adopt(model.root);
    backend.training = true;
    const [phase] = model.phases as [(typeof model.phases)[0]];
    const adams = new Map(
      Object.entries(phase.optimizers).map(([name, options]) => [
        name,
        new Adam(backend.tensors(options.parameters), options),
      ]),
    );
    const step = () =>
      scope(() => {
        const images = Tensor.fromBuffer(dataset.images.slice(0, 4 * 784), [4, 28, 28]);
        const minimize = (name: string, loss: Tensor) => {
          adams.get(name)!.zeroGrad();
          loss.backward();
          adams.get(name)!.step();
        };
        phase.step({ backend, random: backend.random, minimize }, { images });
      });
    return { model, backend, step };
  }

  test("keeps the number of live tensors and their bytes flat over its steps", () => {
    const { model, backend, step } = stableSteps();
    for (let i = 0; i < 3; i++) step();
    const before = liveTensors();
    for (let i = 0; i < 60; i++) step();
    expect(liveTensors()).toEqual(before);
    backend.release(model.root);
  });

  test("the game trains its own parts, and the trunk learns from the other task alone", () => {
    const { model, backend, step } = stableSteps();
    // A head of zeros passes no gradient on: what the trunk still moved would come from the game.
    for (const [path, parameter] of model.root.members()) {
      if (path.startsWith("contrast.")) parameter.assign(new Float32Array(parameter.elements));
    }
    const before = model.root.stateDict();
    step();
    const moved = [...model.root.stateDict()].filter(([path, values]) =>
      values.some((value, i) => value !== before.get(path)![i]),
    );
    const parts = new Set(moved.map(([path]) => path.split(".")[0]));
    expect(parts.has("trunk")).toBe(false);
    expect(parts.has("reality") && parts.has("generator")).toBe(true);
    backend.release(model.root);
  });
});
