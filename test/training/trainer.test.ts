// The loop on a model that is none of ours: a linear classifier with a joint phase.
import { describe, expect, test } from "vitest";
import { Generator, torchAvailable } from "../../bindings/torch/index.ts";
import type { PhaseBatch, TrainableModel } from "../../src/models/model.ts";
import type { Backend } from "../../src/nn/backend.ts";
import { Linear } from "../../src/nn/layers/linear.ts";
import { crossEntropy } from "../../src/nn/losses.ts";
import { Module } from "../../src/nn/module.ts";
import type { Parameter } from "../../src/nn/parameter.ts";
import { TorchBackend } from "../../src/nn/torch-backend.ts";
import type { Checkpoint } from "../../src/training/checkpoint.ts";
import { resolveConfig } from "../../src/training/config.ts";
import { Trainer } from "../../src/training/trainer.ts";
import { TINY_CONFIG, tinyDataset, tinySplit } from "./tiny-dataset.ts";

const dataset = tinyDataset();
const split = tinySplit(dataset);

class Classifier extends Module {
  readonly out = new Linear(784, 3);
}

interface Seen {
  readonly images: number[];
  readonly labels: number[];
  readonly others: number[];
}

/** `seen` gets what every step was given: first pixels, labels, first pixels of the unlabelled. */
function jointModel(seen: Seen[], over: Partial<Record<string, string>> = {}): TrainableModel {
  const root = new Classifier().initialize(1);
  const logits = <T>(backend: Backend<T, Parameter>, images: T): T =>
    root.out.forward(
      backend,
      backend.affine(backend.toFloat(backend.reshape(images, [-1, 784])), 1 / 255, 0),
    );
  const pixels = (images: PhaseBatch["images"] | undefined) =>
    images === undefined ? [] : [...images.slice(1, 0, 1).slice(2, 0, 1).toFloat32Array()];
  return {
    root,
    classes: 3,
    logits,
    phases: [
      {
        name: "joint",
        data: "joint",
        supervised: true,
        optimizers: {
          classifier: { parameters: root.parameters(), learningRate: 1e-3, betas: [0.9, 0.999] },
        },
        step({ backend, minimize }, { images, labels, unlabelledImages }) {
          seen.push({
            images: pixels(images),
            labels: [...labels!.toFloat32Array()],
            others: pixels(unlabelledImages),
          });
          const loss = crossEntropy(logits(backend, images), labels!);
          minimize(over.optimizer ?? "classifier", loss);
          return { loss: loss.detach() };
        },
      },
    ],
  };
}

async function run(over: Partial<Record<string, string>> = {}, checkpoint?: Checkpoint) {
  const seen: Seen[] = [];
  const saved: Checkpoint[] = [];
  const model = jointModel(seen, over);
  const random = new Generator("cpu", 1);
  const backend = new TorchBackend(random);
  backend.adopt(model.root);
  const trainer = new Trainer({
    model,
    backend,
    random,
    dataset,
    split,
    config: resolveConfig({ ...TINY_CONFIG, epochs: 3, checkpointSeconds: 1e-9 }),
    fingerprint: "test",
    save: async (state) => void saved.push({ ...state, history: [...state.history] }),
    onEpoch: async () => {},
    onProgress: () => {},
    signal: undefined,
  });
  try {
    await trainer.run(checkpoint);
    return { seen, saved, history: trainer.history, weights: model.root.stateDict() };
  } finally {
    trainer.dispose();
    backend.release(model.root);
  }
}

describe.skipIf(!torchAvailable())("the training loop (needs libtorch)", () => {
  test("gives a joint phase labelled images with their labels, and unlabelled ones beside them", async () => {
    const { seen } = await run();
    expect(seen.length).toBe(9); // 36 unlabelled in batches of 12 are 3 steps; 3 epochs
    const first = (row: number) => dataset.images[row * 784]!;
    const labelOf = new Map([...split.labelled].map((row) => [`${first(row)} ${dataset.labels[row]}`, true]));
    const pool = new Set([...split.unlabelled].map(first));
    for (const { images, labels, others } of seen) {
      expect([images.length, labels.length, others.length]).toEqual([12, 12, 12]);
      images.forEach((pixel, i) => {
        expect(labelOf.has(`${pixel} ${labels[i]}`)).toBe(true);
      });
      expect(others.every((pixel) => pool.has(pixel))).toBe(true);
    }
    const epoch = seen.slice(0, 3).flatMap(({ others }) => others);
    expect(epoch.sort()).toEqual([...split.unlabelled].map(first).sort());
  });

  test("continues from any of its checkpoints to the same bits, with the same batches", async () => {
    const whole = await run();
    for (const checkpoint of whole.saved) {
      const rest = await run({}, checkpoint);
      expect(rest.weights).toEqual(whole.weights);
      expect(rest.seen).toEqual(rest.seen.length === 0 ? [] : whole.seen.slice(-rest.seen.length));
    }
    expect(whole.saved.length).toBeGreaterThan(9);
  });

  test("a step that names an optimizer that is not there is told so", async () => {
    await expect(run({ optimizer: "adam" })).rejects.toThrow(/Phase joint has no optimizer named adam/);
  });
});
