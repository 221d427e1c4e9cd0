// What stands on native/torch/product_kernels.cpp, in float32, against libtorch's own operations in float64: the slow truth.
// A file for each width of vectors, because a process chooses its kernels once.
import { expect, it } from "vitest";
import { Generator, scope, setThreads, Tensor } from "../../bindings/torch/index.ts";
import { expectClose } from "./close.ts";
import { probed } from "./operations.ts";
import { describeTorch } from "./with-torch.ts";

interface Case {
  readonly what: string;
  readonly shapes: readonly (readonly number[])[];
  readonly run: (leaves: readonly Tensor[]) => Tensor;
}

function lstm(sequences: number, steps: number, inputs: number, hidden: number, directions: number): Case {
  const weights = [[4 * hidden, inputs], [4 * hidden, hidden], [4 * hidden], [4 * hidden]];
  return {
    what: `lstm: ${sequences} sequences, ${steps} steps, ${inputs} inputs, ${hidden} hidden, ${directions} directions`,
    shapes: [[sequences, steps, inputs], ...Array.from({ length: directions }, () => weights).flat()],
    run: ([x, ...all]) => x!.lstm(all, hidden),
  };
}

function conv(
  [sequences, steps, inputs]: readonly [number, number, number],
  outputs: number,
  options: { kernel: number; stride: number; padding: number; dilation: number },
): Case {
  return {
    what: `sequence conv: (${sequences}, ${steps}, ${inputs}) -> ${outputs}, ${JSON.stringify(options)}`,
    shapes: [[sequences, steps, inputs], [outputs, inputs, options.kernel], [outputs]],
    run: ([x, weight, bias]) => x!.sequenceConv(weight!, bias!, options),
  };
}

function up(
  x: readonly [number, number, number, number],
  outputs: number,
  kernel: readonly [number, number],
  options: { stride: number; padding: number; outputPadding: number },
): Case {
  return {
    what: `transposed conv: (${x}) -> ${outputs}, kernel ${kernel}, ${JSON.stringify(options)}`,
    shapes: [x, [x[1], outputs, ...kernel], [outputs]],
    run: ([images, weight, bias]) => images!.convTranspose2d(weight!, bias!, options),
  };
}

// Every number of rows left over by tiles of 6, columns left over by 64, 32 and 16, more and fewer of both than a panel.
const cases: readonly Case[] = [
  ...[1, 2, 3, 4, 5, 6, 13].map((sequences) => lstm(sequences, 3, 5, 7, 1)),
  lstm(113, 6, 64, 80, 2),
  lstm(50, 4, 130, 17, 1),
  conv([3, 50, 28], 128, { kernel: 5, stride: 1, padding: 2, dilation: 1 }),
  conv([19, 7, 70], 20, { kernel: 3, stride: 2, padding: 4, dilation: 3 }),
  conv([2, 9, 3], 100, { kernel: 1, stride: 3, padding: 0, dilation: 1 }),
  up([55, 20, 4, 3], 64, [5, 4], { stride: 2, padding: 2, outputPadding: 1 }),
  up([3, 80, 2, 5], 36, [3, 3], { stride: 3, padding: 0, outputPadding: 2 }),
  up([2, 16, 1, 1], 16, [1, 2], { stride: 1, padding: 0, outputPadding: 0 }),
  up([7, 32, 16, 16], 1, [5, 5], { stride: 2, padding: 4, outputPadding: 1 }),
  up([3, 70, 3, 2], 15, [4, 4], { stride: 2, padding: 1, outputPadding: 0 }),
];

const largest = (values: ArrayLike<number>) =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 1);

export function describeProducts(bits: "512" | "256" | "128"): void {
  process.env.FLOWGLYPH_VECTOR_BITS = bits;
  describeTorch(`products in vectors of ${bits} bits, where the processor has them, against float64`, () => {
    it.each(cases)("$what", ({ shapes, run }) => {
      scope(() => {
        const random = new Generator("cpu", 7);
        const drawn = shapes.map((shape) => Tensor.uniform(shape, -0.5, 0.5, random));
        const results = (dtype: "float32" | "float64") => {
          const leaves = drawn.map((tensor) => tensor.to({ dtype }).detach().clone().setRequiresGrad(true));
          const result = run(leaves);
          probed(result.to({ dtype: "float32" })).backward();
          return [result, ...leaves.map((leaf) => leaf.grad()!)].map((tensor) =>
            tensor.detach().to({ dtype: "float32" }).contiguous().toFloat32Array(),
          );
        };
        const exact = results("float64");
        for (const threads of [1, 3]) {
          setThreads(threads);
          const found = results("float32");
          for (const [i, values] of found.entries()) {
            const scale = largest(exact[i]!);
            const scaled = (array: Float32Array) => array.map((value) => value / scale);
            expectClose(scaled(values), scaled(exact[i]!), 1e-5, i === 0 ? "result" : `gradient ${i - 1}`);
          }
          // The same numbers again: threads add up in one order.
          expect(
            results("float32").map((values) => Buffer.compare(bytes(values), bytes(found.shift()!))),
          ).toEqual(exact.map(() => 0));
        }
        setThreads(1);
      });
    });
  });
}

const bytes = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
