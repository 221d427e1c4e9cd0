// The rates of a phase's optimizers: Adam's first step is as long as its rate, whatever the gradient.
import { expect, test } from "vitest";
import { Generator, scope } from "../../bindings/torch/index.ts";
import { warmCosine } from "../../src/models/schedules.ts";
import { Linear } from "../../src/nn/layers/linear.ts";
import { TorchBackend } from "../../src/nn/torch-backend.ts";
import { PhaseOptimizers } from "../../src/training/phase-optimizers.ts";
import { describeTorch } from "../nn/with-torch.ts";

describeTorch("the learning rate of a phase", () => {
  test.each([
    ["whole where nothing bounds it", {}, 100, 1e-2],
    ["a share of it with fewer images than it is meant for", { fullRateImages: 400 }, 100, 0.25e-2],
    ["whole with as many", { fullRateImages: 400 }, 400, 1e-2],
    ["whole with more", { fullRateImages: 400 }, 4000, 1e-2],
    [
      "a share, on a schedule too",
      { fullRateImages: 400, schedule: { ...warmCosine, warmUp: 0 } },
      100,
      0.25e-2,
    ],
  ])("is %s", (_, over, images, expected) => {
    const root = new Linear(2, 1).initialize(1);
    const backend = new TorchBackend(new Generator("cpu", 1));
    backend.adopt(root);
    const optimizer = {
      parameters: root.parameters(),
      learningRate: 1e-2,
      betas: [0.9, 0.999] as const,
      ...over,
    };
    const phase = {
      name: "only",
      data: "all",
      supervised: false,
      optimizers: { one: optimizer },
      step: () => ({}),
    } as const;
    const plan = { rows: new Uint32Array(images), stepsPerEpoch: 5, epochs: 2 };
    const optimizers = new PhaseOptimizers(phase, backend, plan, undefined);
    const before = root.weight.values();
    scope(() => optimizers.minimize("one", backend.parameter(root.weight).sum(), 0));
    root.weight.values().forEach((value, i) => {
      expect(before[i]! - value).toBeCloseTo(expected, 6);
    });
    backend.release(root);
  });
});
