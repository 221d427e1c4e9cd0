// Layers in integers against their arithmetic written out plainly, and against what they stand for.
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/dataset/random.ts";
import { GraphBuilder } from "../../src/onnx/graph.ts";
import {
  emitInt8Linear,
  quantizeRows,
  quantizeTable,
  roundHalfEven,
  unsignedScale,
} from "../../src/onnx/int8.ts";
import { plainInt8Linear } from "../support/plain-int8.ts";

const [ROWS, INPUTS, OUTPUTS] = [37, 24, 16];

const random = seededRandom(7);
const uniform = () => (random.next() >>> 0) / 2 ** 31 - 1;
const floats = (count: number, size = 1) => Float32Array.from({ length: count }, () => size * uniform());

async function runLinear(
  x: Uint8Array,
  input: { readonly scale: number; readonly zero: number },
  layer: { readonly weight: Float32Array; readonly bias: Float32Array },
  most: number,
): Promise<Uint8Array> {
  const graph = new GraphBuilder();
  const value = graph.input("x", "uint8", [-1, INPUTS]);
  graph.output("y", emitInt8Linear(graph, { value, ...input }, { name: "layer", ...layer }, most).value);
  const bytes = graph.finish({ graphName: "linear", toolVersion: "0", metadata: {} });
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const { y } = await session.run({ x: new Tensor("uint8", x, [x.length / INPUTS, INPUTS]) });
  const result = Uint8Array.from(y!.data as Uint8Array);
  await session.release();
  return result;
}

describe("a layer in integers", () => {
  const layer = { weight: floats(OUTPUTS * INPUTS, 0.3), bias: floats(OUTPUTS, 0.5) };
  const x = Uint8Array.from({ length: ROWS * INPUTS }, () => random.next() & 255);
  const input = { scale: 0.01, zero: 128 };
  const most = 2;

  test("gives what its arithmetic gives when it is written out, but for ties that are rounded elsewhere", async () => {
    const given = await runLinear(x, input, layer, most);
    const plain = plainInt8Linear(x, input, layer, most).values;
    const apart = [...given].map((value, i) => Math.abs(value - plain[i]!));
    expect(Math.max(...apart)).toBeLessThanOrEqual(1);
    expect(apart.filter((distance) => distance > 0).length).toBeLessThan(given.length / 100);
    expect(new Set(given).size).toBeGreaterThan(50);
  });

  test("is relu(x Wᵀ + b), capped, to what seven bits and a byte can hold", async () => {
    const given = await runLinear(x, input, layer, most);
    const scale = unsignedScale(most);
    let capped = 0;
    for (let row = 0; row < ROWS; row++) {
      for (let out = 0; out < OUTPUTS; out++) {
        let sum = layer.bias[out]!;
        for (let i = 0; i < INPUTS; i++)
          sum += input.scale * (x[row * INPUTS + i]! - input.zero) * layer.weight[out * INPUTS + i]!;
        const exact = Math.min(most, Math.max(0, sum));
        // Half a step of each weight against |x| <= 1.28, and half a step of the result.
        const bound = (INPUTS * 1.28 * 0.3) / 63 / 2 + scale;
        expect(Math.abs(given[row * OUTPUTS + out]! * scale - exact)).toBeLessThan(bound);
        if (sum > most) capped++;
      }
    }
    expect(capped).toBeGreaterThan(0);
  });

  test("every row of weights has its own scale, and uses no more than seven bits", () => {
    const weights = Float32Array.of(0.6, -1, 0.001, 0.0003, 0, 0);
    const { data, scales } = quantizeRows(weights, 3);
    expect([...data]).toEqual([38, -63, 63, 19, 0, 0]);
    expect(scales[0]! * 63).toBeCloseTo(1, 6);
    expect(scales[1]! * 63).toBeCloseTo(0.001, 9);
    expect(scales[2]).toBeGreaterThan(0);
  });

  test("a table keeps its largest value, and zero", () => {
    const { data, scale, zero } = quantizeTable(Float32Array.of(-2, 0, 1));
    expect([...data]).toEqual([1, 128, 192]);
    expect(scale * (data[0]! - zero)).toBeCloseTo(-2, 5);
  });

  test.each([
    [0.5, 0],
    [1.5, 2],
    [-0.5, 0],
    [-1.5, -2],
    [2.4999, 2],
    [2.5001, 3],
  ])("%d rounds to %d", (value, rounded) => {
    expect(roundHalfEven(value) + 0).toBe(rounded);
  });
});
