// Phases with a schedule, decay and averaged weights: what they leave, and that a resumed run leaves the same.
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Generator, liveTensors, torchAvailable } from "../../bindings/torch/index.ts";
import type { TrainableModel, TrainingPhase } from "../../src/models/model.ts";
import { oneCycle } from "../../src/models/schedules.ts";
import type { Backend } from "../../src/nn/backend.ts";
import { Linear } from "../../src/nn/layers/linear.ts";
import { crossEntropy } from "../../src/nn/losses.ts";
import { Module } from "../../src/nn/module.ts";
import type { Parameter } from "../../src/nn/parameter.ts";
import { TorchBackend } from "../../src/nn/torch-backend.ts";
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from "../../src/training/checkpoint.ts";
import { resolveConfig } from "../../src/training/config.ts";
import { Trainer } from "../../src/training/trainer.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { TINY_CONFIG, tinyDataset, tinySplit } from "./tiny-dataset.ts";

const dataset = tinyDataset();
const split = tinySplit(dataset);

class Classifier extends Module {
  readonly out = new Linear(784, 3);
}

/** What every step saw: the trained weights before it, the averaged ones by `averaged`. */
interface Seen {
  readonly trained: Float32Array;
  readonly averaged: Float32Array | undefined;
}

async function run(
  over: Partial<TrainingPhase>,
  { checkpoint, config = {} }: { checkpoint?: Checkpoint | undefined; config?: object } = {},
) {
  const seen: Seen[] = [];
  const saved: Checkpoint[] = [];
  const root = new Classifier().initialize(1);
  const logits = <T>(backend: Backend<T, Parameter>, images: T): T =>
    root.out.forward(
      backend,
      backend.affine(backend.toFloat(backend.reshape(images, [-1, 784])), 1 / 255, 0),
    );
  const model: TrainableModel = {
    root,
    classes: 3,
    logits,
    phases: [
      {
        name: "supervised",
        data: "labelled",
        supervised: true,
        optimizers: {
          classifier: {
            parameters: root.parameters(),
            learningRate: 0.01,
            betas: [0.9, 0.99],
            weightDecay: 0.1,
            clipNorm: 1,
            schedule: oneCycle,
          },
        },
        step({ backend, minimize, averaged }, { images, labels }) {
          seen.push({
            trained: root.out.weight.values(),
            averaged: averaged?.(() => root.out.weight.values()),
          });
          const loss = crossEntropy(logits(backend, images), labels!);
          minimize("classifier", loss);
          return { loss: loss.detach() };
        },
        ...over,
      },
    ],
  };
  const random = new Generator("cpu", 1);
  const backend = new TorchBackend(random);
  backend.adopt(root);
  const trainer = new Trainer({
    model,
    backend,
    random,
    dataset,
    split,
    config: resolveConfig({ ...TINY_CONFIG, epochs: 3, checkpointSeconds: 1e-9, ...config }),
    fingerprint: "test",
    save: async (state) => void saved.push({ ...state, history: [...state.history] }),
    onEpoch: async () => {},
    onProgress: () => {},
    signal: undefined,
  });
  try {
    await trainer.run(checkpoint);
    return { seen, saved, history: trainer.history, weights: root.stateDict() };
  } finally {
    trainer.dispose();
    backend.release(root);
  }
}

const average = { decay: 0.9 };

describe.skipIf(!torchAvailable())("averaged weights and schedules (need libtorch)", () => {
  test("a run that is resumed from any of its checkpoints, through a file, leaves the same bits", async () => {
    const whole = await run({ average });
    expect(whole.saved.length).toBeGreaterThan(9);
    const path = join(tempFolder(), "checkpoint.safetensors");
    const shapes = new Map([
      ["out.weight", [3, 784]],
      ["out.bias", [3]],
    ]);
    for (const checkpoint of whole.saved) {
      await saveCheckpoint(path, checkpoint, shapes);
      const rest = await run({ average }, { checkpoint: await loadCheckpoint(path) });
      expect(rest.weights).toEqual(whole.weights);
    }
    expect(liveTensors().count).toBe(0);
  });

  test("leaves the average of what the steps made, by its own formula", async () => {
    const { seen, weights, saved } = await run({ average });
    const steps = seen.length;
    expect(steps).toBe(9);
    let expected = seen[0]!.trained;
    for (let step = 0; step < steps; step++) {
      expect(seen[step]!.averaged!.every((value, i) => Math.abs(value - expected[i]!) < 1e-6)).toBe(true);
      const decay = Math.min(0.9, (1 + step) / (10 + step));
      // The last step's result is no longer seen: the checkpoint before the end has it.
      const after = seen[step + 1]?.trained ?? saved.at(-2)!.weights.get("out.weight")!;
      expected = expected.map((value, i) => decay * value + (1 - decay) * after[i]!);
    }
    const left = weights.get("out.weight")!;
    expect(left.every((value, i) => Math.abs(value - expected[i]!) < 1e-6)).toBe(true);
    expect(left).not.toEqual(saved.at(-2)!.weights.get("out.weight"));
  });

  test("validates the averaged weights", async () => {
    const frozen = await run({ average: { decay: 0.999999 } }, { config: { epochs: 1 } });
    const moving = await run({}, { config: { epochs: 1 } });
    expect(frozen.seen[1]!.trained).toEqual(moving.seen[1]!.trained);
    expect(frozen.history[0]!.losses.train).toBe(moving.history[0]!.losses.train);
    expect(frozen.history[0]!.losses.validation).not.toBe(moving.history[0]!.losses.validation);
  });

  test("a schedule runs to its end and keeps the last weights, unless told to keep the best", async () => {
    const config = { epochs: 12, patience: 1 };
    const last = await run({}, { config });
    expect(last.history.length).toBe(12);
    expect(last.saved.every(({ bestWeights }) => bestWeights === undefined)).toBe(true);
    // The factor is 1/25 at first and 4e-6 at last.
    const moved = (a: Float32Array, b: Float32Array) =>
      Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
    const steps = last.seen.map(({ trained }) => trained);
    expect(moved(steps.at(-2)!, steps.at(-1)!)).toBeLessThan(moved(steps[0]!, steps[1]!) / 5);
    expect(moved(steps[0]!, steps[1]!)).toBeLessThan(0.01 / 20);
    const best = await run({ keep: "best" }, { config: { epochs: 40, patience: 1 } });
    expect(best.history.length).toBeLessThan(40);
  });

  test("refuses what cannot be", async () => {
    await expect(run({ average: { decay: 1 } })).rejects.toThrow(
      "Expected average.decay to be a number in [0, 1)",
    );
  });
});
