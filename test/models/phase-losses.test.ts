// The losses of a first step of each generative phase, against the same in plain arithmetic from logits alone.
import { expect, it } from "vitest";
import { Generator, scope, Tensor } from "../../bindings/torch/index.ts";
import type { TrainableModel } from "../../src/models/model.ts";
import { createModel } from "../../src/models/registry.ts";
import { scaleBytes } from "../../src/models/scaling.ts";
import type { Module } from "../../src/nn/module.ts";
import { TorchBackend } from "../../src/nn/torch-backend.ts";
import { describeTorch } from "../nn/with-torch.ts";

type Forward = { forward(backend: TorchBackend, x: Tensor): Tensor };
type Parts = Module & {
  readonly generator: Forward;
  readonly trunk: Forward;
  readonly classes: Forward;
  readonly reality: Forward;
  reconstruct(backend: TorchBackend, images: Tensor): Tensor;
};

const SEED = 7;
const K = 4;
const bytes = (count: number, factor: number) =>
  Tensor.fromBuffer(
    Uint8Array.from({ length: count * 784 }, (_, i) => (factor * i * i + 11 * i) % 256),
    [count, 28, 28],
  );
const labels = [2, 0, 3, 1, 2];
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const logOf = (real: number) => -Math.log1p(Math.exp(-real)); // log of the logistic function

/** The scalars of one step that moves nothing, and what `expected` computes from fresh weights and the same noise. */
function firstStep(
  name: string,
  options: object,
  expected: (parts: Parts, backend: TorchBackend, noise: (count: number) => Tensor) => Record<string, number>,
) {
  const model: TrainableModel = createModel(name, { ...options }, { classes: K, seed: 3 });
  const backend = new TorchBackend(new Generator("cpu", SEED));
  backend.adopt(model.root);
  backend.training = true;
  try {
    return scope(() => {
      const batch = {
        images: bytes(5, 7),
        labels: Tensor.fromBuffer(BigInt64Array.from(labels, BigInt)),
        unlabelledImages: bytes(6, 5),
      };
      const scalars = model.phases[0]!.step({ backend, random: backend.random, minimize() {} }, batch);
      const received = Object.entries(scalars).map(([key, value]): [string, number] => [key, value.item()]);
      const noise = (count: number) => Tensor.uniform([count, 100], -1, 1, new Generator("cpu", SEED));
      return {
        received: Object.fromEntries(received),
        expected: expected(model.root as Parts, backend, noise),
      };
    });
  } finally {
    backend.release(model.root);
  }
}

function expectSame({ received, expected }: ReturnType<typeof firstStep>): void {
  expect(Object.keys(received).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, value] of Object.entries(expected)) expect(received[name], name).toBeCloseTo(value, 4);
}

const values = (tensor: Tensor) => [...tensor.detach().toFloat32Array()];

describeTorch("losses of the phases without labels", () => {
  it.each([
    ["clgan", { dropout: 0 }],
    ["dcgan", { batchNorm: false }],
    ["dcgan", { batchNorm: true }], // real and generated images in batches of their own, or the norm would mix them
  ])("%s %j: real against generated", (name, options) => {
    const step = firstStep(name, options, (parts, backend, noise) => {
      const logits = (images: Tensor) =>
        values(parts.reality.forward(backend, parts.trunk.forward(backend, images)));
      const real = logits(scaleBytes(backend, bytes(5, 7)));
      const generated = logits(parts.generator.forward(backend, noise(5)));
      return {
        discriminatorLoss: -mean(real.map(logOf)) - mean(generated.map((logit) => logOf(-logit))),
        generatorLoss: -mean(generated.map(logOf)),
      };
    });
    expectSame(step);
  });

  it("ae: the mean absolute error of what is reconstructed", () => {
    const step = firstStep("ae", {}, (parts, backend) => {
      const images = scaleBytes(backend, bytes(5, 7));
      const made = values(parts.reconstruct(backend, images));
      return { loss: mean(values(images).map((value, i) => Math.abs(value - made[i]!))) };
    });
    expectSame(step);
  });

  it.each([false, true])("bytesgan: K + 1 classes, feature matching %s", (featureMatching) => {
    const step = firstStep("bytesgan", { dropout: 0, featureMatching }, (parts, backend, noise) => {
      const features = (scaled: Tensor) => parts.trunk.forward(backend, scaled);
      /** Probabilities of K + 1 classes for each image, the last one's logit 0. */
      const probabilities = (scaled: Tensor): number[][] => {
        const logits = values(parts.classes.forward(backend, features(scaled)));
        return Array.from({ length: logits.length / K }, (_, i) => {
          const powers = [...logits.slice(i * K, (i + 1) * K), 0].map(Math.exp);
          const total = powers.reduce((sum, power) => sum + power, 0);
          return powers.map((power) => power / total);
        });
      };
      const labelled = probabilities(scaleBytes(backend, bytes(5, 7)));
      const real = scaleBytes(backend, bytes(6, 5));
      const made = parts.generator.forward(backend, noise(6));
      const averages = [real, made].map((images) => values(features(images).mean([0])));
      return {
        // p(class | not generated)
        loss: -mean(labelled.map((p, i) => Math.log(p[labels[i]!]! / (1 - p[K]!)))),
        correct: labelled.filter((p, i) => Math.max(...p.slice(0, K)) === p[labels[i]!]).length,
        discriminatorLoss:
          -mean(probabilities(real).map((p) => Math.log(1 - p[K]!))) -
          mean(probabilities(made).map((p) => Math.log(p[K]!))),
        generatorLoss: featureMatching
          ? mean(averages[0]!.map((average, i) => (average - averages[1]![i]!) ** 2))
          : -mean(probabilities(made).map((p) => Math.log(1 - p[K]!))),
      };
    });
    expectSame(step);
  });
});
