import { expect, it } from "vitest";
import { Generator, noGrad, scope, Tensor } from "../../bindings/torch/index.ts";
import { expectClose } from "./close.ts";
import { probed } from "./operations.ts";
import { describeTorch } from "./with-torch.ts";

// The LSTM in elementary operations: the slow truth of the native one.
function slowLstm(x: Tensor, weights: readonly Tensor[], hidden: number): Tensor {
  const [sequences, steps] = x.shape as [number, number];
  const directions = [];
  for (let first = 0; first < weights.length; first += 4) {
    const [inputHidden, hiddenHidden, inputBias, hiddenBias] = weights.slice(first, first + 4) as Tensor[];
    let state = Tensor.zeros([sequences, hidden]);
    let cell = Tensor.zeros([sequences, hidden]);
    const states: Tensor[] = [];
    for (let turn = 0; turn < steps; turn++) {
      const t = first === 0 ? turn : steps - 1 - turn;
      const sums = x
        .select(1, t)
        .linear(inputHidden!, inputBias!)
        .add(state.linear(hiddenHidden!, hiddenBias!));
      const gate = (index: number) => sums.slice(1, index * hidden, (index + 1) * hidden);
      cell = gate(1)
        .sigmoid()
        .multiply(cell)
        .add(gate(0).sigmoid().multiply(gate(2).tanh()));
      state = gate(3).sigmoid().multiply(cell.tanh());
      states[t] = state;
    }
    directions.push(Tensor.stack(states, 1));
  }
  return Tensor.concat(directions, 2);
}

function makeWeights(
  directions: number,
  inputs: number,
  hidden: number,
  scale: number,
  random: Generator,
): Tensor[] {
  const shapes = [[4 * hidden, inputs], [4 * hidden, hidden], [4 * hidden], [4 * hidden]];
  return Array.from({ length: 4 * directions }, (_, index) =>
    Tensor.uniform(shapes[index % 4]!, -scale, scale, random).setRequiresGrad(true),
  );
}

describeTorch("the native LSTM against elementary operations", () => {
  it.each([
    // sequences, steps, inputs, hidden, directions, scale of the weights
    [5, 9, 7, 37, 1, 0.5],
    [3, 4, 2, 16, 2, 1],
    [1, 1, 1, 1, 2, 1],
    [17, 28, 64, 65, 2, 0.2],
    // More than one thread takes at a time, and no multiple of that.
    [150, 3, 5, 17, 2, 0.5],
    // Gates far out in both tails; one step, because such weights make noise of rounding over several.
    [40, 1, 8, 33, 1, 60],
  ])(
    "%i sequences, %i steps, %i inputs, %i hidden, %i directions, scale %d",
    (n, steps, inputs, hidden, d, scale) => {
      scope(() => {
        const random = new Generator("cpu", 11);
        const weights = makeWeights(d, inputs, hidden, scale, random);
        const x = Tensor.uniform([n, steps, inputs], -1, 1, random).setRequiresGrad(true);
        const leaves = [x, ...weights];
        const run = (lstm: (x: Tensor, weights: readonly Tensor[], hidden: number) => Tensor) => {
          const states = lstm(x, weights, hidden);
          probed(states).backward();
          const gradients = leaves.map((leaf) => leaf.grad()!.toFloat32Array());
          for (const leaf of leaves) {
            leaf.clearGrad();
          }
          return { shape: states.shape, states: states.detach().toFloat32Array(), gradients };
        };
        const slow = run(slowLstm);
        const fast = run((sequence, all, size) => sequence.lstm(all, size));
        expect(fast.shape).toEqual([n, steps, d * hidden]);
        expectClose(fast.states, slow.states, scale > 1 ? 2e-5 : 2e-6, "states");
        for (const [index, gradient] of fast.gradients.entries()) {
          expectClose(gradient, slow.gradients[index]!, 1e-4, `gradient ${index}`);
        }
        expect(noGrad(() => x.lstm(weights, hidden)).toFloat32Array()).toEqual(fast.states);
      });
    },
  );

  it("in bfloat16 differs by that type's rounding, in states and gradients, and is float32 all the same", () => {
    scope(() => {
      const random = new Generator("cpu", 11);
      const weights = makeWeights(2, 24, 33, 0.2, random);
      const x = Tensor.uniform([9, 12, 24], -1, 1, random).setRequiresGrad(true);
      const run = (bfloat16: boolean) => {
        for (const leaf of [x, ...weights]) leaf.clearGrad();
        const states = x.lstm(weights, 33, { bfloat16 });
        expect(states.dtype).toBe("float32");
        states.pow(2).sum().backward();
        return [states, ...[x, ...weights].map((leaf) => leaf.grad()!)].map((value) =>
          value.detach().clone(),
        );
      };
      const exact = run(false);
      for (const [i, rounded] of run(true).entries()) {
        const difference = rounded.subtract(exact[i]!).pow(2).sum().sqrt().item();
        const size = exact[i]!.pow(2).sum().sqrt().item();
        expect(difference / size).toBeLessThan(0.02); // 8 significant bits are 0.004 a rounding
        expect(difference).toBeGreaterThan(0);
      }
    });
  });

  it("asks for the gradients that are wanted, and no others", () => {
    scope(() => {
      const random = new Generator("cpu", 11);
      const weights = makeWeights(1, 3, 4, 0.5, random);
      const x = Tensor.uniform([2, 5, 3], -1, 1, random);
      x.lstm(weights, 4).sum().backward();
      expect(x.grad()).toBeUndefined();
      expect(weights.map((weight) => weight.grad()!.shape)).toEqual([[16, 3], [16, 4], [16], [16]]);
      for (const weight of weights) {
        weight.clearGrad();
        weight.setRequiresGrad(false);
      }
      x.setRequiresGrad(true);
      x.lstm(weights, 4).sum().backward();
      expect(x.grad()!.shape).toEqual([2, 5, 3]);
      expect(weights.every((weight) => weight.grad() === undefined)).toBe(true);
    });
  });

  it("does not hide values that are no numbers", () => {
    scope(() => {
      const random = new Generator("cpu", 11);
      const x = Tensor.full([1, 2, 3], Number.NaN);
      expect(
        Number.isNaN(
          x
            .lstm(makeWeights(1, 3, 4, 0.5, random), 4)
            .sum()
            .item(),
        ),
      ).toBe(true);
    });
  });
});
