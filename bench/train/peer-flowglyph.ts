// flowglyph's own turn: steps of CLGAN's phases as the trainer takes them, and whole epochs by the trainer itself.
//   node peer-flowglyph.js FOLDER [bfloat16]
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Adam, Generator, scope, setThreads, Tensor, torchInfo } from "../../bindings/torch/index.ts";
import { countClasses, newManifest } from "../../src/dataset/dataset.ts";
import type { Dataset } from "../../src/dataset/types.ts";
import type { TrainableModel } from "../../src/models/model.ts";
import { createModel } from "../../src/models/registry.ts";
import { TorchBackend } from "../../src/nn/torch-backend.ts";
import { resolveConfig } from "../../src/training/config.ts";
import { Trainer } from "../../src/training/trainer.ts";
import { PHASES, type Phase, serve } from "./peer-server.ts";
import { MODEL_SEED, NOISE_SEED, type Workload } from "./workload.ts";

const folder = process.argv[2]!;
const precision = process.argv[3] === "bfloat16" ? "bfloat16" : "float32";
const bytes = (name: string) => new Uint8Array(readFileSync(join(folder, name))).buffer;
const workload = JSON.parse(readFileSync(join(folder, "workload.json"), "utf8")) as Workload;
const { batch, threads, classes, learningRate } = workload;
setThreads(threads);

const values = new Float32Array(bytes("weights.bin"));
const allImages = new Uint8Array(bytes("images.bin"));
const allLabels = new BigInt64Array(bytes("labels.bin"));
const images = Tensor.fromBuffer(allImages.slice(0, batch * 784), [batch, 28, 28]).keep();
const labels = Tensor.fromBuffer(allLabels.slice(0, batch)).keep();

interface Learner {
  readonly model: TrainableModel;
  readonly backend: TorchBackend;
  readonly random: Generator;
  /** One step on the first batch: the losses, by name. */
  step(phase: Phase): Record<string, Tensor>;
}

/** A model with the workload's weights, on its device, with the optimizers of all its phases. */
function learner(dropout: number): Learner {
  const model = createModel("clgan", { dropout }, { classes, seed: MODEL_SEED, learningRate });
  const elements = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);
  model.root.loadStateDict(
    new Map(
      workload.weights.map(({ name, shape, offset }) => [
        name,
        values.slice(offset, offset + elements(shape)),
      ]),
    ),
  );
  const random = new Generator("cpu", NOISE_SEED);
  const backend = new TorchBackend(random, { precision });
  backend.adopt(model.root);
  const optimizers = new Map(
    model.phases.flatMap((phase) =>
      Object.entries(phase.optimizers).map(([name, { parameters, ...options }]) => [
        name,
        new Adam(backend.tensors(parameters), options),
      ]),
    ),
  );
  const minimize = (name: string, loss: Tensor) => {
    const adam = optimizers.get(name)!;
    adam.zeroGrad();
    loss.backward();
    adam.step();
  };
  return {
    model,
    backend,
    random,
    step(name) {
      backend.training = true;
      const phase = model.phases.find((candidate) => candidate.name === name)!;
      const given = phase.supervised ? { images, labels } : { images };
      return phase.step({ backend, random, minimize }, given);
    },
  };
}

const timed = learner(workload.dropout);

/** One epoch of one phase by the trainer: batches drawn and gathered, progress told, a checkpoint taken but not written. */
async function epoch(phase: Phase): Promise<void> {
  const rows = Uint32Array.from({ length: workload.images }, (_, i) => i);
  const none = new Uint32Array(0);
  const classNames = Array.from({ length: classes }, (_, i) => `class ${i}`);
  const imageLabels = Int32Array.from(allLabels, Number);
  const dataset: Dataset = {
    count: workload.images,
    images: allImages,
    labels: imageLabels,
    classes: classNames,
    groups: undefined,
    groupNames: [],
    columns: undefined,
    testRows: undefined,
    manifest: newManifest({
      view: "l3",
      mask: "identity",
      idleTimeout: 120,
      activeTimeout: 1800,
      ...countClasses(imageLabels, classNames),
    }),
  };
  const { model, backend, random } = timed;
  const trainer = new Trainer({
    model: { ...model, phases: model.phases.filter(({ name }) => name === phase) },
    backend,
    random,
    dataset,
    split: {
      kind: "random",
      seed: 1,
      labelled: rows,
      validation: none,
      unlabelled: none,
      test: none,
      testGroups: [],
    },
    config: resolveConfig({ batchSize: batch, threads, pretrainEpochs: 1, epochs: 1, minEpochSteps: 1 }),
    fingerprint: "benchmark",
    save: async () => {},
    onEpoch: async () => {},
    onProgress: () => {},
    signal: undefined,
  });
  await trainer.run(undefined);
  trainer.dispose();
}

const { version, blasKernels } = torchInfo();
await serve({
  version: `libtorch ${version}${blasKernels && `, OpenBLAS ${blasKernels}`}`,
  check() {
    const fresh = learner(0);
    const losses = { discriminator: [], generator: [], supervised: [] } as Record<string, number[]>;
    for (const phase of PHASES) {
      for (let step = 0; step < workload.checkedSteps; step++) {
        scope(() => {
          for (const [name, loss] of Object.entries(fresh.step(phase))) {
            if (name === "correct") continue;
            losses[name === "loss" ? "supervised" : name.replace("Loss", "")]!.push(loss.item());
          }
        });
      }
    }
    fresh.backend.release(fresh.model.root);
    const { discriminator, generator, supervised } = losses;
    return { discriminator: discriminator!, generator: generator!, supervised: supervised! };
  },
  async run(phase, steps) {
    if (steps === undefined) return await epoch(phase);
    for (let step = 0; step < steps; step++) scope(() => void timed.step(phase));
  },
});
