import { expect, it } from "vitest";
import { Generator, scope, Tensor } from "../../bindings/torch/index.ts";
import { describeTorch } from "./with-torch.ts";

describeTorch("the transposed convolution", () => {
  // <convT(x), y> = <x, conv(y)> with one weight, for every x and y: what "transposed" means.
  it.each([
    // inputs, outputs, kernel, stride, padding, output padding, height, width
    [3, 2, 5, 2, 2, 1, 4, 4],
    [2, 1, 5, 2, 4, 1, 16, 16],
    [4, 3, 4, 2, 1, 0, 3, 7],
    [2, 5, 3, 3, 0, 2, 4, 2],
    [2, 2, 1, 2, 0, 1, 3, 3],
    [1, 2, 7, 2, 3, 1, 1, 5],
    [2, 3, 3, 1, 1, 0, 5, 5],
  ])(
    "%i -> %i channels, kernel %i, stride %i, padding %i + %i, of %i x %i: is the convolution's adjoint",
    (inputs, outputs, kernel, stride, padding, outputPadding, height, width) => {
      scope(() => {
        const random = new Generator("cpu", 3);
        const draw = (shape: readonly number[]) => Tensor.uniform(shape, -1, 1, random);
        const x = draw([2, inputs, height, width]).setRequiresGrad(true);
        const weight = draw([inputs, outputs, kernel, kernel]).setRequiresGrad(true);
        const bias = Tensor.zeros([outputs]).setRequiresGrad(true);
        const up = x.convTranspose2d(weight, bias, { stride, padding, outputPadding });
        const length = (input: number) => stride * (input - 1) - 2 * padding + kernel + outputPadding;
        expect(up.shape).toEqual([2, outputs, length(height), length(width)]);

        const y = draw(up.shape);
        const down = y.conv2d(weight, Tensor.zeros([inputs]), { stride, padding });
        expect(down.shape).toEqual(x.shape);
        const [left, right] = [up.multiply(y).sum(), x.multiply(down).sum()];
        expect(left.item()).toBeCloseTo(right.item(), 3);

        // Both are bilinear in x and the weight, so their gradients agree too.
        left.backward();
        const gradients = [x, weight].map((leaf) => leaf.grad()!.toFloat32Array());
        const ones = bias
          .grad()!
          .subtract(y.sum([0, 2, 3]))
          .abs()
          .sum();
        expect(ones.item()).toBeLessThan(1e-3);
        for (const leaf of [x, weight]) leaf.clearGrad();
        right.backward();
        for (const [i, leaf] of [x, weight].entries()) {
          const other = leaf.grad()!.toFloat32Array();
          const largest = Math.max(...gradients[i]!.map((value, k) => Math.abs(value - other[k]!)));
          expect(largest).toBeLessThan(1e-4);
        }
      });
    },
  );
});
