// The stable recipe: fingerprints instead of the game, a classifier that starts from a linear one, and whole runs, exact and
// flat in memory.
import { describe, expect, test } from "vitest";
import { Adam, Generator, liveTensors, scope, Tensor, torchAvailable } from "../../bindings/torch/index.ts";
import { startClassifier } from "../../src/models/linear-start.ts";
import { createModel } from "../../src/models/registry.ts";
import { scaleBytes } from "../../src/models/scaling.ts";
import { fitTables, sessionSums, unitFactors } from "../../src/models/session-factors.ts";
import type { Linear } from "../../src/nn/layers/linear.ts";
import type { Module } from "../../src/nn/module.ts";
import { TorchBackend } from "../../src/nn/torch-backend.ts";
import { train } from "../../src/training/index.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { abortAfter, digests } from "./runs.ts";
import { TINY_CONFIG, tinyDataset, tinySplit } from "./tiny-dataset.ts";

const dataset = tinyDataset();
const split = tinySplit(dataset);
const TINY_STABLE = { ...TINY_CONFIG, recipe: "stable", pretrainEpochs: 1, epochs: 2 } as const;

type Forward = { forward(backend: TorchBackend, x: Tensor): Tensor };
type Parts = Module & { readonly trunk: Forward; readonly fingerprint: Linear; readonly classes: Linear };

describe.skipIf(!torchAvailable())("--recipe stable (needs libtorch)", () => {
  test.each(["clgan", "dcgan"])(
    "%s has the paper's trunk and classifier, no generator, and learns faster without labels",
    (name) => {
      const request = { classes: 3, seed: 1, learningRate: 1e-3 };
      const paper = createModel(name, {}, request);
      const stable = createModel(name, {}, { ...request, recipe: "stable" });
      const paths = ({ root }: typeof paper) => [...root.members()].map(([path]) => path);
      const shared = (path: string) => path.startsWith("trunk.") || path.startsWith("classes.");
      expect(paths(stable).filter(shared)).toEqual(paths(paper).filter(shared));
      expect(paths(stable).filter((path) => !shared(path))).toEqual([
        "fingerprint.weight",
        "fingerprint.bias",
      ]);
      const weights = [paper, stable].map(({ root }) => root.stateDict().get("trunk.conv1.weight"));
      expect(weights[0]).toEqual(weights[1]);
      const [fingerprint, supervised] = stable.phases;
      expect(fingerprint!.optimizers.trunk!.learningRate).toBeCloseTo(1e-2, 10);
      expect(supervised!.optimizers.classifier!.learningRate).toBeCloseTo(5e-3, 10);
      expect(supervised!.keep).toBe("last");
    },
  );

  test.each([
    ["clgan", "float32"],
    ["dcgan", "bfloat16"],
  ] as const)(
    "%s in %s: the same seed gives the same weights, and a stopped run gives them too",
    async (model, precision) => {
      const config = { ...TINY_STABLE, model, precision };
      const [whole, stopped] = [tempFolder(), tempFolder()];
      const { history, metrics } = await train(dataset, split, config, { run: whole });
      expect(history.map(({ phase, epoch, steps }) => [phase, epoch, steps])).toEqual([
        ["fingerprint", 1, 39],
        ["supervised", 1, 3],
        ["supervised", 2, 3],
      ]);
      expect(Object.keys(history[0]!.losses)).toEqual(["fingerprint"]);
      // From the linear start on: a fresh classifier would have the loss ln 3.
      expect(history[1]!.losses.train).toBeLessThan(0.2);
      expect(metrics.phases.map(({ epochs, epoch }) => [epochs, epoch])).toEqual([
        [1, 1],
        [2, 2],
      ]);
      expect(metrics.onnxDifference).toBeLessThanOrEqual(1e-5);
      // In the phase without labels, then in the other, whose classifier is not fitted again.
      for (const steps of [20, 25]) {
        const run = train(dataset, split, config, { run: stopped, resume: true, signal: abortAfter(steps) });
        await expect(run).rejects.toMatchObject({ code: "ERR_ABORTED" });
      }
      const resumed = await train(dataset, split, config, { run: stopped, resume: true });
      expect(resumed.history.map(({ losses }) => losses)).toEqual(history.map(({ losses }) => losses));
      expect(digests(stopped)).toEqual(digests(whole));
    },
  );

  function setUp() {
    const model = createModel("clgan", {}, { classes: 3, seed: 1, recipe: "stable" });
    const backend = new TorchBackend(new Generator("cpu", 1));
    backend.adopt(model.root);
    const tools = {
      backend,
      images: dataset.images.slice(),
      labels: undefined,
      seed: 3,
      threads: 1,
      signal: undefined,
      resumed: false,
    };
    return { model, root: model.root as Parts, backend, tools };
  }

  test("the loss is 1 - cosine of what the trunk tells and of the images' own factors; steps keep memory flat", async () => {
    const { model, root, backend, tools } = setUp();
    const [phase] = model.phases as [(typeof model.phases)[0]];
    await phase.prepare!(tools);
    backend.training = true;
    const rows = [4, 0, 7];
    const batch = () => ({
      images: Tensor.fromBuffer(
        Uint8Array.from(rows.flatMap((row) => [...dataset.images.subarray(row * 784, (row + 1) * 784)])),
        [rows.length, 28, 28],
      ),
      places: Tensor.fromBuffer(BigInt64Array.from(rows, BigInt)),
    });
    const told = scope(() =>
      backend.predict(() =>
        root.fingerprint
          .forward(backend, root.trunk.forward(backend, scaleBytes(backend, batch().images)))
          .toFloat32Array(),
      ),
    );
    const every = Uint32Array.from({ length: dataset.count }, (_, row) => row);
    const tables = await fitTables(tools.images, every, { dimensions: 128, seed: 3, threads: 1 });
    const factors = unitFactors(await sessionSums(tools.images, [tables], { dimensions: 128 }), 128);
    const cosines = rows.map((row, i) => {
      const [own, other] = [
        told.subarray(i * 256, (i + 1) * 256),
        factors.subarray(row * 256, (row + 1) * 256),
      ];
      const dot = own.reduce((sum, value, j) => sum + value * other[j]!, 0);
      return dot / Math.hypot(...own) / Math.hypot(...other);
    });
    const expected = 1 - cosines.reduce((sum, cosine) => sum + cosine, 0) / rows.length;

    const adam = new Adam(backend.tensors(phase.optimizers.trunk!.parameters), { learningRate: 2e-3 });
    const minimize = (_: string, loss: Tensor) => {
      adam.zeroGrad();
      loss.backward();
      adam.step();
    };
    const step = () =>
      scope(() => phase.step({ backend, random: backend.random, minimize }, batch()).fingerprintLoss!.item());
    expect(step()).toBeCloseTo(expected, 5);
    for (let i = 0; i < 3; i++) step();
    const before = liveTensors();
    const losses = Array.from({ length: 40 }, step);
    expect(liveTensors()).toEqual(before);
    expect(losses.at(-1)).toBeLessThan(expected / 2);
    phase.release!();
    backend.release(model.root);
  });

  test("the linear start is the logistic regression on standardised features, and right where a line is enough", async () => {
    const { model, root, backend, tools } = setUp();
    const labels = dataset.labels.slice();
    const features = (images: Tensor) => root.trunk.forward(backend, scaleBytes(backend, images));
    await startClassifier(root.classes, { ...tools, labels }, features);
    scope(() => {
      const images = Tensor.fromBuffer(tools.images, [dataset.count, 28, 28]);
      const predicted = backend.predict(() => model.logits(backend, images).argmax(1).toTypedArray());
      expect([...predicted].map(Number)).toEqual([...labels]);
    });
    // What a minimum of the penalised loss has: of each class, the errors add up to nothing.
    const logits = scope(() =>
      backend.predict(() =>
        model.logits(backend, Tensor.fromBuffer(tools.images, [dataset.count, 28, 28])).toFloat32Array(),
      ),
    );
    const errors = [0, 0, 0];
    for (let row = 0; row < dataset.count; row++) {
      const own = [...logits.subarray(3 * row, 3 * row + 3)].map(Math.exp);
      const total = own.reduce((sum, value) => sum + value, 0);
      own.forEach((value, k) => {
        errors[k]! += value / total - (labels[row] === k ? 1 : 0);
      });
    }
    for (const error of errors) expect(Math.abs(error)).toBeLessThan(1e-2);
    backend.release(model.root);
  });
});
