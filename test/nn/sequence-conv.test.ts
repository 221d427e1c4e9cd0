import { expect, it } from "vitest";
import { Generator, noGrad, scope, Tensor } from "../../bindings/torch/index.ts";
import { expectClose } from "./close.ts";
import { probed } from "./operations.ts";
import { describeTorch } from "./with-torch.ts";

interface Case {
  readonly sequences: number;
  readonly steps: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly groups?: number;
}

function makeLeaves({ sequences, steps, inputs, outputs, kernel, groups = 1 }: Case): Tensor[] {
  const random = new Generator("cpu", 5);
  return [[sequences, steps, inputs], [outputs, inputs / groups, kernel], [outputs]].map((shape) =>
    Tensor.uniform(shape, -1, 1, random).setRequiresGrad(true),
  );
}

function run(leaves: readonly Tensor[], compute: () => Tensor) {
  for (const leaf of leaves) leaf.clearGrad();
  const result = compute();
  probed(result).backward();
  const gradients = leaves.map((leaf) => leaf.grad()?.toFloat32Array());
  return { shape: result.shape, values: result.detach().toFloat32Array(), gradients };
}

const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

describeTorch("the convolution with features last against libtorch's with channels second", () => {
  it.each<Case>([
    { sequences: 5, steps: 23, inputs: 3, outputs: 7, kernel: 5, stride: 1, padding: 2, dilation: 1 },
    { sequences: 3, steps: 24, inputs: 4, outputs: 5, kernel: 4, stride: 3, padding: 1, dilation: 1 },
    { sequences: 4, steps: 19, inputs: 6, outputs: 2, kernel: 3, stride: 2, padding: 5, dilation: 4 },
    { sequences: 2, steps: 6, inputs: 8, outputs: 9, kernel: 1, stride: 1, padding: 0, dilation: 1 },
    { sequences: 1, steps: 3, inputs: 1, outputs: 1, kernel: 3, stride: 1, padding: 0, dilation: 1 },
    // More sequences than one product takes, and no multiple of that.
    { sequences: 11, steps: 784, inputs: 32, outputs: 16, kernel: 5, stride: 1, padding: 2, dilation: 1 },
    {
      sequences: 19,
      steps: 21,
      inputs: 10,
      outputs: 10,
      kernel: 5,
      stride: 1,
      padding: 2,
      dilation: 1,
      groups: 10,
    },
    {
      sequences: 9,
      steps: 30,
      inputs: 33,
      outputs: 33,
      kernel: 3,
      stride: 2,
      padding: 4,
      dilation: 3,
      groups: 33,
    },
    {
      sequences: 2,
      steps: 9,
      inputs: 6,
      outputs: 4,
      kernel: 3,
      stride: 1,
      padding: 1,
      dilation: 1,
      groups: 2,
    },
  ])("%o", (options) => {
    scope(() => {
      const leaves = makeLeaves(options);
      const [x, weight, bias] = leaves as [Tensor, Tensor, Tensor];
      const turned = () => x.permute([0, 2, 1]).conv1d(weight, bias, options).permute([0, 2, 1]);
      const slow = run(leaves, turned);
      const fast = run(leaves, () => x.sequenceConv(weight, bias, options));
      expect(fast.shape).toEqual(slow.shape);
      expectClose(fast.values, slow.values, 5e-6, "output");
      for (const [i, gradient] of fast.gradients.entries()) {
        const scale = Math.max(1, largest(slow.gradients[i]!));
        const scaled = (values: Float32Array) => values.map((value) => value / scale);
        expectClose(scaled(gradient!), scaled(slow.gradients[i]!), 5e-6, `gradient ${i}`);
      }
      expect(noGrad(() => x.sequenceConv(weight, bias, options)).toFloat32Array()).toEqual(fast.values);
    });
  });

  it("in bfloat16 differs by that type's rounding, in values and gradients, and is float32 all the same", () => {
    scope(() => {
      const options = {
        sequences: 9,
        steps: 200,
        inputs: 24,
        outputs: 40,
        kernel: 5,
        stride: 1,
        padding: 2,
        dilation: 1,
      };
      const leaves = makeLeaves(options);
      const [x, weight, bias] = leaves as [Tensor, Tensor, Tensor];
      const exact = run(leaves, () => x.sequenceConv(weight, bias, options));
      const rounded = run(leaves, () => x.sequenceConv(weight, bias, { ...options, bfloat16: true }));
      expect(x.sequenceConv(weight, bias, { ...options, bfloat16: true }).dtype).toBe("float32");
      const pairs = [
        [rounded.values, exact.values],
        ...rounded.gradients.map((g, i) => [g!, exact.gradients[i]!]),
      ];
      for (const [i, [actual, expected]] of (pairs as [Float32Array, Float32Array][]).entries()) {
        const difference = largest(actual.map((value, k) => value - expected[k]!)) / largest(expected);
        expect(difference, `${i}`).toBeLessThan(0.02);
        // The bias adds up what comes in, in float32.
        if (i < 3) expect(difference, `${i}`).toBeGreaterThan(1e-5);
      }
    });
  });

  it("computes only the gradients that are asked for", () => {
    scope(() => {
      const options = {
        sequences: 3,
        steps: 9,
        inputs: 2,
        outputs: 4,
        kernel: 3,
        stride: 1,
        padding: 1,
        dilation: 1,
      };
      const leaves = makeLeaves(options);
      const all = run(leaves, () => leaves[0]!.sequenceConv(leaves[1]!, leaves[2]!, options)).gradients;
      for (const wanted of [0, 1, 2]) {
        for (const [i, leaf] of leaves.entries()) leaf.setRequiresGrad(i === wanted);
        const { gradients } = run(leaves, () => leaves[0]!.sequenceConv(leaves[1]!, leaves[2]!, options));
        expect(gradients.map((gradient) => gradient !== undefined)).toEqual(
          leaves.map((_, i) => i === wanted),
        );
        expect(gradients[wanted]).toEqual(all[wanted]);
      }
    });
  });

  it("refuses shapes that do not fit", () => {
    scope(() => {
      const [x, weight, bias] = [Tensor.ones([2, 9, 3]), Tensor.ones([4, 3, 5]), Tensor.ones([4])];
      const call =
        (over: object, w = weight) =>
        () =>
          x.sequenceConv(w, bias, { stride: 1, padding: 0, ...over });
      for (const refused of [
        call({}, Tensor.ones([4, 2, 5])),
        call({ stride: 0 }),
        call({ padding: -1 }),
        call({ dilation: 3 }),
        call({ groups: 2 }),
        () => x.sequenceConv(weight, Tensor.ones([3]), { stride: 1, padding: 0 }),
        () => Tensor.ones([9, 3]).sequenceConv(weight, bias, { stride: 1, padding: 0 }),
        () => x.sequenceMaxPool(0),
        () => x.sequenceMaxPool(10),
      ]) {
        expect(refused).toThrow(expect.objectContaining({ code: "ERR_TENSOR" }));
      }
    });
  });
});

describeTorch("max pooling with features last", () => {
  it.each([
    [3, 12, 5, 2],
    [2, 11, 17, 4],
    [1, 784, 3, 300],
  ])("%i sequences of %i steps of %i, window %i: as with channels second", (n, steps, channels, window) => {
    scope(() => {
      const x = Tensor.uniform([n, steps, channels], -1, 1, new Generator("cpu", 5)).setRequiresGrad(true);
      const slow = run([x], () => x.permute([0, 2, 1]).maxPool1d(window).permute([0, 2, 1]));
      const fast = run([x], () => x.sequenceMaxPool(window));
      expect(fast).toEqual(slow);
    });
  });

  it("does not pool a NaN away", () => {
    scope(() => {
      const x = Tensor.fromBuffer(Float32Array.of(1, Number.NaN, Number.NaN, 2), [1, 4, 1]);
      expect([...x.sequenceMaxPool(2).toFloat32Array()]).toEqual([Number.NaN, Number.NaN]);
    });
  });
});
