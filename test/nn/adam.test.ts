import { expect, it } from "vitest";
import {
  Adam,
  type AdamOptions,
  Generator,
  noGrad,
  scope,
  Tensor,
  updateAverages,
} from "../../bindings/torch/index.ts";
import { expectClose } from "./close.ts";
import { type GoldenArray, type OptimizerTrace, readGolden } from "./golden/read-golden.ts";
import { probed } from "./operations.ts";
import { describeTorch } from "./with-torch.ts";

const golden = readGolden();
const tensorOf = ({ shape, values }: GoldenArray) => Tensor.fromBuffer(Float32Array.from(values), shape);

describeTorch("Adam", () => {
  it.each<[string, OptimizerTrace, AdamOptions]>([
    ["torch.optim.Adam", golden.adam, { learningRate: 0.05, betas: [0.5, 0.999] }],
    [
      "torch.optim.AdamW after clip_grad_norm_",
      golden.adamw,
      { learningRate: 0.4, betas: [0.9, 0.99], weightDecay: [0.3, 0], clipNorm: 1 },
    ],
  ])("steps as %s does", (_, { start, steps }, options) => {
    scope(() => {
      const [p, q] = start.map((array) => tensorOf(array).setRequiresGrad(true)) as [Tensor, Tensor];
      const adam = new Adam([p, q], options);
      for (const expected of steps) {
        adam.zeroGrad();
        probed(p.exp())
          .add(probed(q.pow(4)))
          .backward();
        adam.step();
        expectClose(p.toFloat32Array(), expected[0]!.values, 2e-6, "p");
        expectClose(q.toFloat32Array(), expected[1]!.values, 2e-6, "q");
      }
    });
  });

  // The slow truth of the one pass over the arrays, in elementary operations.
  function slowStep(
    p: Tensor,
    gradient: Tensor,
    moments: [Tensor, Tensor],
    t: number,
    clipNorm: number,
  ): Tensor {
    const norm = gradient.pow(2).sum().sqrt().item();
    const g = gradient.multiply(Math.min(1, clipNorm / (norm + 1e-6)));
    moments[0] = moments[0].multiply(0.9).add(g.multiply(0.1));
    moments[1] = moments[1].multiply(0.99).add(g.multiply(g).multiply(0.01));
    const [first, second] = [moments[0].divide(1 - 0.9 ** t), moments[1].divide(1 - 0.99 ** t)];
    return p.multiply(1 - 0.01 * 0.5).subtract(first.divide(second.sqrt().add(1e-8)).multiply(0.01));
  }

  it.each([1, 31, 70_001])("of %i elements steps as elementary operations do", (length) => {
    scope(() => {
      const random = new Generator("cpu", 4);
      const p = Tensor.normal([length], 0, 1, random).setRequiresGrad(true);
      const adam = new Adam([p], { learningRate: 0.01, betas: [0.9, 0.99], weightDecay: 0.5, clipNorm: 2 });
      let slow = p.detach().clone();
      const moments: [Tensor, Tensor] = [Tensor.zeros([length]), Tensor.zeros([length])];
      for (let t = 1; t <= 4; t++) {
        adam.zeroGrad();
        const direction = Tensor.normal([length], 0, 1, random);
        p.multiply(direction).sum().backward();
        adam.step();
        slow = slowStep(slow, direction, moments, t, 2);
        expectClose(p.toFloat32Array(), slow.toFloat32Array(), 1e-6, `after step ${t}`);
      }
    });
  });

  it("takes decay from a parameter without a gradient as little as it moves it", () => {
    scope(() => {
      const [used, unused] = [Tensor.ones([2]).setRequiresGrad(true), Tensor.ones([2]).setRequiresGrad(true)];
      const adam = new Adam([used, unused], { learningRate: 0.1, weightDecay: 1 });
      used.sum().backward();
      adam.step();
      expectClose(used.toFloat32Array(), [0.8, 0.8], 1e-6, "used");
      expect([...unused.toFloat32Array()]).toEqual([1, 1]);
    });
  });

  it("refuses what is no decay and no bound", () => {
    scope(() => {
      const p = Tensor.ones([2]).setRequiresGrad(true);
      const make = (options: Partial<AdamOptions>) => () => new Adam([p], { learningRate: 1, ...options });
      expect(make({ weightDecay: -1 })).toThrow("Expected weightDecay to be a number of at least 0");
      expect(make({ weightDecay: [0, 0] })).toThrow("Expected weightDecay to be 1 numbers, one a parameter");
      expect(make({ clipNorm: 0 })).toThrow("Expected clipNorm to be a positive number");
    });
  });
});

describeTorch("averages", () => {
  it("move towards their tensors, contiguous or not, and refuse other shapes", () => {
    scope(() => {
      const values = Tensor.normal([37, 3], 0, 1, new Generator("cpu", 2));
      const [plain, turned] = [Tensor.ones([37, 3]), Tensor.ones([3, 37])];
      noGrad(() => updateAverages([plain, turned], [values, values.permute([1, 0])], 0.25));
      const expected = values.multiply(0.25).add(0.75);
      expectClose(plain.toFloat32Array(), expected.toFloat32Array(), 1e-6, "plain");
      expectClose(turned.toFloat32Array(), expected.permute([1, 0]).toFloat32Array(), 1e-6, "turned");
      expect(() => updateAverages([plain], [turned], 0.5)).toThrow(
        "updateAverages: expected tensor 0 to be [37, 3]",
      );
      expect(() => updateAverages([plain], [], 0.5)).toThrow("expected 1 tensors but received 0");
    });
  });
});
