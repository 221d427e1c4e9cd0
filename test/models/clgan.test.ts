import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { Adam, Generator, liveTensors, scope, Tensor } from "../../bindings/torch/index.ts";
import type { TrainableModel, TrainingPhase } from "../../src/models/model.ts";
import { createModel } from "../../src/models/registry.ts";
import type { Module } from "../../src/nn/module.ts";
import type { Parameter } from "../../src/nn/parameter.ts";
import { TorchBackend } from "../../src/nn/torch-backend.ts";
import { expectClose } from "../nn/close.ts";
import { describeTorch } from "../nn/with-torch.ts";
import { fillMembers, goldenImages, goldenNoise } from "./pytorch-names.ts";

interface Variant {
  readonly bidirectional: boolean;
  readonly attention: boolean;
  readonly members: readonly (readonly [name: string, elements: number])[];
  readonly logits: readonly number[];
  readonly loss: number;
  /** Name, sum, Euclidean norm. */
  readonly gradients: readonly (readonly [string, number, number])[];
  readonly generated: readonly number[];
  readonly reality: readonly number[];
  readonly runningMean: readonly number[];
  readonly runningVariance: readonly number[];
  readonly projectGradient: readonly number[];
}

const golden = JSON.parse(readFileSync(new URL("golden/clgan.json", import.meta.url), "utf8")) as {
  readonly variants: readonly Variant[];
};

function adopted(model: TrainableModel): TorchBackend {
  const backend = new TorchBackend(new Generator("cpu", 1));
  backend.adopt(model.root);
  return backend;
}

/** The members in PyTorch's naming, filled by the formula of make_clgan.py. */
const fill = (root: Module, { members }: Variant) =>
  fillMembers(
    root,
    members.map(([name]) => name),
    (i, k) => 0.1 * Math.sin(1.3 * i + k),
  );

describeTorch("CLGAN against plain PyTorch", () => {
  it.each(golden.variants)("bidirectional $bidirectional, attention $attention", (variant) => {
    const { bidirectional, attention } = variant;
    const model = createModel("clgan", { bidirectional, attention, dropout: 0 }, { classes: 5, seed: 1 });
    const members = fill(model.root, variant);
    expect([...members].map(([name, parameter]) => [name, parameter.elements]).sort()).toEqual(
      variant.members.map((member) => [...member]).sort(),
    );
    const backend = adopted(model);
    scope(() => {
      const logits = model.logits(backend, goldenImages());
      expect(logits.shape).toEqual([3, 5]);
      expectClose(logits.detach().toFloat32Array(), variant.logits, 1e-5, "logits");
      const loss = logits.crossEntropy(Tensor.fromBuffer(BigInt64Array.of(0n, 3n, 1n)));
      expect(loss.item()).toBeCloseTo(variant.loss, 5);
      loss.backward();
      for (const [name, sum, norm] of variant.gradients) {
        const gradient = backend.parameter(members.get(name)!).grad()!;
        const received = [gradient.sum().item(), gradient.pow(2).sum().sqrt().item()];
        expectClose(received, [sum, norm], 1e-4, `gradient of ${name}`);
      }
      const untouched = [...members].filter(
        ([name]) => name.startsWith("generator") || name.startsWith("reality"),
      );
      expect(untouched.every(([, parameter]) => backend.parameter(parameter).grad() === undefined)).toBe(
        true,
      );
    });
    backend.release(model.root);
    expect(liveTensors().count).toBe(0);
  });

  it.each(golden.variants)("generator, bidirectional $bidirectional, attention $attention", (variant) => {
    const { bidirectional, attention } = variant;
    const model = createModel("clgan", { bidirectional, attention, dropout: 0 }, { classes: 5, seed: 1 });
    const members = fill(model.root, variant);
    const backend = adopted(model);
    backend.training = true;
    scope(() => {
      const root = model.root as Module & {
        readonly [part in "generator" | "trunk" | "reality"]: Module & {
          forward(backend: TorchBackend, x: Tensor): Tensor;
        };
      };
      const generated = root.generator.forward(backend, goldenNoise());
      expect(generated.shape).toEqual([4, 28, 28]);
      const second = generated.detach().select(0, 1).reshape([-1]).toFloat32Array();
      expectClose(
        second.filter((_, i) => i % 49 === 0),
        variant.generated,
        2e-5,
        "generated",
      );
      const reality = root.reality.forward(backend, root.trunk.forward(backend, generated));
      expect(reality.shape).toEqual([4, 1]);
      expectClose(reality.detach().toFloat32Array(), variant.reality, 2e-5, "reality");
      reality.bceWithLogits(Tensor.ones([4, 1])).backward();
      const gradient = backend.parameter(members.get("generator.project.weight")!).grad()!.toFloat32Array();
      expectClose(
        gradient.filter((_, i) => i % 20483 === 0),
        variant.projectGradient,
        1e-5,
        "gradient of the noise's projection",
      );
      expectClose(
        members.get("generator.norm3.running_mean")!.values(),
        variant.runningMean,
        1e-5,
        "running mean",
      );
      expectClose(
        members.get("generator.norm3.running_var")!.values(),
        variant.runningVariance,
        1e-5,
        "running variance",
      );
    });
    backend.release(model.root);
  });
});

describeTorch("CLGAN's phases", () => {
  const names = (parameters: readonly Parameter[]) => parameters.map(({ path }) => path.split(".")[0]);

  it("train the generator and the discriminator apart, then the classifier", () => {
    const { phases } = createModel("clgan", {}, { classes: 4, seed: 1, learningRate: 1e-3 });
    expect(phases.map(({ name, data, supervised }) => [name, data, supervised])).toEqual([
      ["adversarial", "all", false],
      ["supervised", "labelled", true],
    ]);
    const [adversarial, supervised] = phases as [TrainingPhase, TrainingPhase];
    expect(new Set(names(adversarial.optimizers.generator!.parameters))).toEqual(new Set(["generator"]));
    expect(new Set(names(adversarial.optimizers.discriminator!.parameters))).toEqual(
      new Set(["trunk", "reality"]),
    );
    expect(new Set(names(supervised.optimizers.classifier!.parameters))).toEqual(
      new Set(["trunk", "classes"]),
    );
    expect(supervised.optimizers.classifier!.learningRate).toBe(1e-3);
  });

  function run(phase: TrainingPhase, model: TrainableModel, backend: TorchBackend, steps: number) {
    const optimizers = new Map(
      Object.entries(phase.optimizers).map(([name, options]) => [
        name,
        new Adam(backend.tensors(options.parameters), options),
      ]),
    );
    const images = Tensor.fromBuffer(
      Uint8Array.from({ length: 32 * 784 }, (_, i) =>
        Math.floor(i / 784) % 2 === 0 ? (i % 28) * 9 : (i % 7) * 30,
      ),
      [32, 28, 28],
    );
    const labels = Tensor.fromBuffer(BigInt64Array.from({ length: 32 }, (_, i) => BigInt(i % 2)));
    backend.training = true;
    const history: Record<string, number>[] = [];
    const everMoved = new Set<string>();
    for (let step = 0; step < steps; step++) {
      scope(() => {
        const scalars = phase.step(
          {
            backend,
            random: backend.random,
            minimize(name, loss) {
              const before = model.root.stateDict();
              optimizers.get(name)!.zeroGrad();
              loss.backward();
              optimizers.get(name)!.step();
              const trained = new Set(phase.optimizers[name]!.parameters.map(({ path }) => path));
              const after = model.root.stateDict();
              const moved = [...after].filter(
                ([path, values]) => Buffer.compare(bytes(values), bytes(before.get(path)!)) !== 0,
              );
              // Some gradients are 0 but for rounding, a bias's before a batch norm, and may be 0 in one step or another.
              for (const [path] of moved) {
                expect([...trained]).toContain(path);
                everMoved.add(path);
              }
            },
          },
          { images, labels },
        );
        history.push(Object.fromEntries(Object.entries(scalars).map(([key, value]) => [key, value.item()])));
      });
    }
    const all = Object.values(phase.optimizers).flatMap(({ parameters }) => parameters);
    expect([...everMoved].sort()).toEqual(all.map(({ path }) => path).sort());
    images.dispose();
    labels.dispose();
    return history;
  }
  const bytes = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

  it("adversarial: each optimizer moves its own weights alone, and the discriminator learns", () => {
    const model = createModel("clgan", { dropout: 0 }, { classes: 2, seed: 3, learningRate: 1e-3 });
    const backend = adopted(model);
    const history = run(model.phases[0]!, model, backend, 25);
    expect(history[0]!.discriminatorLoss).toBeCloseTo(2 * Math.LN2, 0);
    expect(Math.min(...history.map(({ discriminatorLoss }) => discriminatorLoss!))).toBeLessThan(1.3);
    backend.release(model.root);
  });

  it("supervised: learns to tell two patterns apart", () => {
    const model = createModel("clgan", {}, { classes: 2, seed: 3, learningRate: 1e-3 });
    const backend = adopted(model);
    const history = run(model.phases[1]!, model, backend, 15);
    expect(history[0]!.loss).toBeCloseTo(Math.LN2, 0);
    expect(history.at(-1)!.correct).toBe(32);
    backend.release(model.root);
    expect(liveTensors().count).toBe(0);
  });
});
