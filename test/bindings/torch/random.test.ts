import { expect, it } from "vitest";
import { Adam, Generator, scope, Tensor } from "../../../bindings/torch/index.ts";
import { describeTorch } from "../../nn/with-torch.ts";

const draw = (generator: Generator, count = 1000) =>
  scope(() => Tensor.uniform([count], -1, 1, generator).toFloat32Array());

describeTorch("Generator", () => {
  it("repeats itself from the same seed and differs from another", () => {
    expect(draw(new Generator("cpu", 3))).toEqual(draw(new Generator("cpu", 3)));
    expect(draw(new Generator("cpu", 3))).not.toEqual(draw(new Generator("cpu", 4)));
    const generator = new Generator("cpu", 4);
    generator.seed(3);
    expect(draw(generator)).toEqual(draw(new Generator("cpu", 3)));
  });

  it("continues exactly from a saved state, through every kind of draw", () => {
    const generator = new Generator("cpu", 2 ** 40);
    draw(generator, 17);
    const state = generator.state();
    const sequence = (source: Generator) =>
      scope(() => [
        Tensor.normal([5], 0, 1, source).toTypedArray(),
        Tensor.randperm(20, source).toTypedArray(),
        Tensor.ones([50]).dropout(0.5, source).toTypedArray(),
        draw(source, 3),
      ]);
    const first = sequence(generator);
    const other = new Generator("cpu", 0);
    other.setState(state);
    expect(sequence(other)).toEqual(first);
  });

  it("draws in the given bounds, with the given moments", () => {
    const uniform = draw(new Generator("cpu", 1), 100_000);
    expect(Math.min(...uniform.subarray(0, 50_000))).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...uniform.subarray(0, 50_000))).toBeLessThan(1);
    const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(uniform)).toBeCloseTo(0, 1.5);
    const normal = scope(() => Tensor.normal([100_000], 2, 0.5, new Generator("cpu", 1)).toFloat32Array());
    expect(mean(normal)).toBeCloseTo(2, 1.5);
    expect(mean(normal.map((value) => (value - 2) ** 2))).toBeCloseTo(0.25, 1.5);
  });

  it("drops the given share and scales the rest, in the gradient alike", () => {
    scope(() => {
      const x = Tensor.ones([20_000]).setRequiresGrad(true);
      const dropped = x.dropout(0.25, new Generator("cpu", 9));
      const values = dropped.toFloat32Array();
      expect(values.filter((value) => value === 0).length / values.length).toBeCloseTo(0.25, 1.5);
      expect(new Set(values)).toEqual(new Set([0, Math.fround(1 / 0.75)]));
      dropped.sum().backward();
      expect(x.grad()!.toFloat32Array()).toEqual(values);
    });
  });

  it("refuses wrong seeds and states", () => {
    expect(() => new Generator("cpu", -1)).toThrow("Expected seed");
    expect(() => new Generator("cpu", 1.5)).toThrow("Expected seed");
    expect(() => new Generator("cpu", 2n ** 63n)).toThrow("Expected seed");
    expect(() => new Generator("cpu", 1).setState(new Uint8Array(3))).toThrow("setGeneratorState");
  });
});

describeTorch("Adam", () => {
  const makeStep = (weight: Tensor, adam: Adam) => () =>
    scope(() => {
      adam.zeroGrad();
      weight.multiply(weight).tanh().sum().backward();
      adam.step();
    });

  it("continues to the same bits from an exported state", () => {
    scope(() => {
      const weight = Tensor.uniform([40], -1, 1, new Generator("cpu", 1)).setRequiresGrad(true);
      const adam = new Adam([weight], { learningRate: 0.01 });
      const step = makeStep(weight, adam);
      for (let i = 0; i < 7; i++) step();
      const state = adam.state();
      const copy = weight.detach().clone().setRequiresGrad(true);
      const resumed = new Adam([copy], { learningRate: 0.01 });
      resumed.loadState(state);
      const resumedStep = makeStep(copy, resumed);
      for (let i = 0; i < 7; i++) {
        step();
        resumedStep();
      }
      expect(resumed.steps).toBe(14);
      expect(copy.toFloat32Array()).toEqual(weight.toFloat32Array());
      expect(resumed.state()).toEqual(adam.state());
    });
  });

  it("leaves parameters without a gradient as they are", () => {
    scope(() => {
      const used = Tensor.ones([2]).setRequiresGrad(true);
      const unused = Tensor.ones([2]).setRequiresGrad(true);
      const adam = new Adam([used, unused], { learningRate: 0.1 });
      used.sum().backward();
      adam.step();
      expect(used.toFloat32Array()[0]).toBeCloseTo(0.9, 5);
      expect([...unused.toFloat32Array()]).toEqual([1, 1]);
      adam.setLearningRate(0.2);
      adam.step();
      expect(used.toFloat32Array()[0]).toBeCloseTo(0.7, 5);
    });
  });

  it("refuses wrong options, tensors and states", () => {
    scope(() => {
      const weight = Tensor.ones([2]).setRequiresGrad(true);
      expect(() => new Adam([weight], { learningRate: 0 })).toThrow("learningRate");
      expect(() => new Adam([weight], { learningRate: 1, betas: [1, 0.9] })).toThrow("betas");
      expect(() => new Adam([weight], { learningRate: 1, epsilon: Number.NaN })).toThrow("epsilon");
      expect(() => new Adam([Tensor.ones([2])], { learningRate: 1 })).toThrow("require gradients");
      const adam = new Adam([weight], { learningRate: 1 });
      expect(() => adam.loadState({ steps: 1, moments: [new Float32Array(2)] })).toThrow("Expected moments");
    });
  });
});
