// Memory over training steps; `npm run bench:train -- --memory` is the long form, 1,000 steps of a whole batch.
import { expect, it } from "vitest";
import { Generator, liveTensors } from "../../bindings/torch/index.ts";
import { createModel } from "../../src/models/registry.ts";
import { TorchBackend } from "../../src/nn/torch-backend.ts";
import { resolveConfig } from "../../src/training/config.ts";
import { Trainer } from "../../src/training/trainer.ts";
import { describeTorch } from "../nn/with-torch.ts";
import { TINY_CONFIG, tinyDataset, tinySplit } from "./tiny-dataset.ts";

const STEPS = 20;
const EPOCHS = 6;
// One array of an LSTM's gates that is lost a step, (28, 8, 1024) float32, is 92 MB between the second epoch and the last.
const FLAT_RSS = 48e6;

describeTorch("memory over training steps", () => {
  it("is flat in both of CLGAN's phases: live tensors to the byte, resident memory within what malloc keeps", async () => {
    const before = liveTensors();
    const dataset = tinyDataset();
    const config = resolveConfig({
      ...TINY_CONFIG,
      batchSize: 8,
      minEpochSteps: STEPS,
      pretrainEpochs: EPOCHS,
      epochs: EPOCHS,
      patience: 0,
    });
    const model = createModel("clgan", {}, { classes: 3, seed: 1 });
    const random = new Generator("cpu", 1);
    const backend = new TorchBackend(random);
    backend.adopt(model.root);
    const seen: { phase: string; live: { count: number; bytes: number }; rss: number }[] = [];
    const trainer = new Trainer({
      model,
      backend,
      random,
      dataset,
      split: tinySplit(dataset),
      config,
      fingerprint: "test",
      save: async () => {},
      onEpoch: async ({ phase, steps }) => {
        expect(steps).toBe(STEPS);
        seen.push({ phase, live: liveTensors(), rss: process.memoryUsage.rss() });
      },
      onProgress: () => {},
      signal: undefined,
    });
    await trainer.run(undefined);
    for (const phase of ["adversarial", "supervised"]) {
      const epochs = seen.filter((epoch) => epoch.phase === phase);
      expect(epochs).toHaveLength(EPOCHS);
      expect(new Set(epochs.map(({ live }) => `${live.count} tensors, ${live.bytes} bytes`)).size).toBe(1);
      expect(epochs.at(-1)!.rss - epochs[1]!.rss).toBeLessThan(FLAT_RSS);
    }
    trainer.dispose();
    backend.release(model.root);
    expect(liveTensors()).toEqual(before);
  });
});
