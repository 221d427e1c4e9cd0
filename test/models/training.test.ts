// Every network of the registry through the whole of `train`, on a few small images: it learns, a stop in any phase cannot
// be seen in its weights, and its ONNX file classifies captures.
import { join } from "node:path";
import { expect, test } from "vitest";
import { Adam, Generator, liveTensors, scope, Tensor } from "../../bindings/torch/index.ts";
import { Classifier } from "../../src/inference/index.ts";
import type { PhaseBatch } from "../../src/models/model.ts";
import { createModel } from "../../src/models/registry.ts";
import { TorchBackend } from "../../src/nn/torch-backend.ts";
import { train } from "../../src/training/index.ts";
import { describeTorch } from "../nn/with-torch.ts";
import { SAMPLES, sampleManifest } from "../support/samples.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { abortAfter, digests } from "../training/runs.ts";
import { TINY_CONFIG, tinyDataset, tinySplit } from "../training/tiny-dataset.ts";
import { NETWORKS } from "./networks.ts";

const dataset = tinyDataset(90, 1, true);
const split = tinySplit(dataset);
// An epoch is 3 steps of a supervised phase, 6 of one that takes all images.
const SHORT = { ...TINY_CONFIG, pretrainEpochs: 1, epochs: 8, learningRate: 2e-3 };

const capture = sampleManifest.classes["https-tls13"]!.files[0]!;

describeTorch("every network", () => {
  test.each(NETWORKS.map(({ name }) => name))(
    "%s: trains, resumes, exports and classifies",
    async (model) => {
      const config = { ...SHORT, model };
      const before = liveTensors();
      const whole = tempFolder();
      const { metrics, history } = await train(dataset, split, config, { run: whole });
      expect(liveTensors()).toEqual(before);
      expect(metrics.accuracy).toBeGreaterThan(0.8); // of 3 classes, equally often
      expect(metrics.onnxDifference).toBeLessThanOrEqual(1e-5);
      const phases = createModel(model, {}, { classes: 3, seed: 1 }).phases.map(({ name }) => name);
      expect([...new Set(history.map(({ phase }) => phase))]).toEqual(phases);
      for (const { losses } of history) expect(Object.values(losses).length).toBeGreaterThan(0);

      // Stopped once within each phase.
      const cut = tempFolder();
      const stops = phases.map((_, i) => (i === 0 ? 2 : 8));
      for (const asks of stops) {
        const stopped = train(dataset, split, config, { run: cut, resume: true, signal: abortAfter(asks) });
        await expect(stopped).rejects.toMatchObject({ code: "ERR_ABORTED" });
      }
      await train(dataset, split, {}, { run: cut, resume: true });
      expect(digests(cut)).toEqual(digests(whole));

      await using classifier = await Classifier.load(join(whole, "model.onnx"), { workers: 1 });
      let sessions = 0;
      for await (const { count, probabilities } of classifier.classify(join(SAMPLES, capture.file))) {
        sessions += count;
        expect(probabilities.length).toBe(3 * count);
        for (let i = 0; i < count; i++) {
          const sum = probabilities.subarray(3 * i, 3 * i + 3).reduce((total, p) => total + p, 0);
          expect(sum).toBeCloseTo(1, 5);
        }
      }
      expect(sessions).toBe(capture.sessions.tcp + capture.sessions.udp);
    },
  );

  test.each(NETWORKS.map(({ name }) => name))(
    "%s: each optimizer moves its own weights, and no others",
    async (name) => {
      const model = createModel(name, {}, { classes: 3, seed: 1, learningRate: 1e-3 });
      const backend = new TorchBackend(new Generator("cpu", 1));
      backend.adopt(model.root);
      backend.training = true;
      for (const phase of model.phases) {
        const stepped: string[] = [];
        await phase.prepare?.({ ...prepared(phase.data !== "all"), backend });
        scope(() => {
          phase.step(
            {
              backend,
              random: backend.random,
              minimize(optimizer, loss) {
                const { parameters, ...options } = phase.optimizers[optimizer]!;
                const before = model.root.stateDict();
                const adam = new Adam(backend.tensors(parameters), options);
                adam.zeroGrad();
                loss.backward();
                adam.step();
                const own = parameters.map(({ path }) => path);
                const moved = [...model.root.stateDict()]
                  .filter(([path, values]) => values.some((value, i) => value !== before.get(path)![i]))
                  .map(([path]) => path);
                expect(moved.filter((path) => !own.includes(path))).toEqual([]);
                // A bias before batch norm has no gradient but rounding; every weight has one.
                const weights = own.filter((path) => /weight$|Hidden$/.test(path));
                expect(weights.filter((path) => !moved.includes(path))).toEqual([]);
                stepped.push(optimizer);
              },
            },
            phase.prepare === undefined ? batch() : { ...batch(), places: Tensor.arange(batchRows) },
          );
        });
        phase.release?.();
        expect(stepped.sort()).toEqual(Object.keys(phase.optimizers).sort());
      }
      backend.release(model.root);
      expect(liveTensors().count).toBe(0);
    },
  );
});

/** What a phase of any kind may ask for. */
const batchRows = 9;

/** What a phase is prepared with whose batches are `batch()`. */
function prepared(labelled: boolean) {
  return {
    images: dataset.images.slice(0, 60 * 784),
    labels: labelled ? dataset.labels.slice(0, 60) : undefined,
    seed: 1,
    threads: 1,
    signal: undefined,
    resumed: false,
  };
}

function batch(): PhaseBatch {
  const images = (first: number, count: number) =>
    Tensor.copyOf(dataset.images.subarray(first * 784, (first + count) * 784), [count, 28, 28]);
  return {
    images: images(0, batchRows),
    labels: Tensor.fromBuffer(BigInt64Array.from(dataset.labels.subarray(0, batchRows), BigInt)),
    unlabelledImages: images(batchRows, 6),
  };
}
