import { expect, it } from "vitest";
import { Adam, liveTensors, scope, Tensor } from "../../bindings/torch/index.ts";
import { expectClose } from "./close.ts";
import { type GoldenArray, type GoldenArrays, readGolden } from "./golden/read-golden.ts";
import { operations, probed } from "./operations.ts";
import { describeTorch } from "./with-torch.ts";

const golden = readGolden();

const tensorOf = ({ shape, values }: GoldenArray) => Tensor.fromBuffer(Float32Array.from(values), shape);
const tensorsOf = (arrays: GoldenArrays) =>
  Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, tensorOf(array)]));

describeTorch("operations against PyTorch", () => {
  it("covers every case of golden.json and no other", () => {
    expect(Object.keys(operations).sort()).toEqual(golden.cases.map(({ name }) => name).sort());
  });

  it.each(golden.cases)(
    "$name: output and gradients",
    ({ name, inputs, constants, output, gradients, after }) => {
      scope(() => {
        const leaves = tensorsOf(inputs);
        const others = tensorsOf(constants);
        for (const leaf of Object.values(leaves)) {
          leaf.setRequiresGrad(true);
        }
        const result = operations[name]!({ ...leaves, ...others });
        expect(result.shape).toEqual(output.shape);
        expectClose(result.detach().toFloat32Array(), output.values, 2e-6, name);
        probed(result).backward();
        for (const [input, expected] of Object.entries(gradients)) {
          expectClose(leaves[input]!.grad()!.toFloat32Array(), expected.values, 5e-6, `gradient of ${input}`);
        }
        for (const [constant, expected] of Object.entries(after)) {
          expectClose(others[constant]!.toFloat32Array(), expected.values, 1e-6, constant);
        }
      });
    },
  );

  it("steps Adam as torch.optim.Adam does", () => {
    scope(() => {
      const [p, q] = golden.adam.start.map((array) => tensorOf(array).setRequiresGrad(true)) as [
        Tensor,
        Tensor,
      ];
      const adam = new Adam([p, q], { learningRate: 0.05, betas: [0.5, 0.999] });
      for (const expected of golden.adam.steps) {
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
});

describeTorch("gradients against differences", () => {
  // Differences of float32 sums are noisy: steps of 1/64 and a loose bound; the exact values are compared above.
  const step = 1 / 64;

  it.each(golden.cases)("$name", ({ name, inputs, constants }) => {
    scope(() => {
      const leaves = tensorsOf(inputs);
      const value = () =>
        scope(() => probed(operations[name]!({ ...leaves, ...tensorsOf(constants) })).item());
      for (const [input, leaf] of Object.entries(leaves)) {
        leaf.setRequiresGrad(true);
        probed(operations[name]!({ ...leaves, ...tensorsOf(constants) })).backward();
        const gradient = leaf.grad()!.toFloat32Array();
        leaf.clearGrad();
        leaf.setRequiresGrad(false);
        const original = leaf.toFloat32Array();
        for (let index = 0; index < Math.min(original.length, 6); index++) {
          const at = (delta: number) => {
            const moved = original.slice();
            moved[index]! += delta;
            leaf.copyFrom(Tensor.fromBuffer(moved, leaf.shape));
            return value();
          };
          // Fourth order, so that the curvature of log and pow stays below the noise of float32.
          const slope = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step);
          expectClose([gradient[index]!], [slope], 2e-3, `${input}[${index}]`);
        }
        leaf.copyFrom(Tensor.fromBuffer(original, leaf.shape));
      }
    });
  });

  it("leaves no tensor behind", () => {
    expect(liveTensors()).toEqual({ count: 0, bytes: 0 });
  });
});
