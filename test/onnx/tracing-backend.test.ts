import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import type { ParameterSpec } from "../../src/nn/backend.ts";
import { GraphBuilder } from "../../src/onnx/graph.ts";
import { type TracedValue, TracingBackend } from "../../src/onnx/tracing-backend.ts";
import { inputData, inputElement, OP_CASES, type OpCase, randomInputs } from "./op-cases.ts";
import type { NdArray } from "./reference-ops.ts";

interface Weight extends ParameterSpec {
  readonly data: Float32Array;
}

function trace(testCase: OpCase, weights: readonly NdArray[]): { bytes: Uint8Array; result: TracedValue } {
  const graph = new GraphBuilder();
  const backend = new TracingBackend<Weight>(graph, (parameter) => parameter.data);
  const values = weights.map((weight, i) => backend.parameter({ path: `w${i}`, ...weight }));
  const result = testCase.run(
    backend,
    graph.input("x", inputElement(testCase), [-1, ...testCase.input.slice(1)]),
    values,
  );
  graph.output("y", result);
  return { bytes: graph.finish({ graphName: "case", toolVersion: "0", metadata: {} }), result };
}

async function run(bytes: Uint8Array, x: Tensor): Promise<NdArray> {
  const session = await InferenceSession.create(bytes);
  const y = (await session.run({ x })).y!;
  await session.release();
  return { shape: y.dims, data: y.data as Float32Array };
}

describe("each traced operation gives what its plain implementation gives", () => {
  test.each(OP_CASES)("$name", async (testCase) => {
    const { x, weights } = randomInputs(testCase);
    const { bytes, result } = trace(testCase, weights);
    const actual = await run(bytes, new Tensor(inputElement(testCase), inputData(testCase, x), [...x.shape]));
    const expected = testCase.expected(x, weights);
    expect(actual.shape).toEqual(expected.shape);
    expect(result.shape.map((d) => (d < 0 ? -d * testCase.input[0]! : d))).toEqual(expected.shape);
    for (let i = 0; i < expected.data.length; i++) expect(actual.data[i]).toBeCloseTo(expected.data[i]!, 5);
  });
});

test("one graph takes every batch size", async () => {
  const testCase = OP_CASES.find((row) => row.name === "lstm, both directions")!;
  const { x, weights } = randomInputs(testCase);
  const { bytes } = trace(testCase, weights);
  const whole = await run(bytes, new Tensor("float32", x.data, [...x.shape]));
  const row = x.data.length / x.shape[0]!;
  const first = await run(bytes, new Tensor("float32", x.data.slice(0, row), [1, ...x.shape.slice(1)]));
  expect(first.data.length).toBe(whole.data.length / x.shape[0]!);
  first.data.forEach((value, i) => {
    expect(value).toBeCloseTo(whole.data[i]!, 6);
  });
});

test("uint8 input is cast inside the graph", async () => {
  const graph = new GraphBuilder();
  const backend = new TracingBackend(graph, () => new Float32Array());
  graph.output("y", backend.affine(backend.toFloat(graph.input("x", "uint8", [-1, 2])), 2 / 255, -1));
  const bytes = graph.finish({ graphName: "cast", toolVersion: "0", metadata: {} });
  const y = await run(bytes, new Tensor("uint8", Uint8Array.of(0, 255), [1, 2]));
  expect([...y.data]).toEqual([-1, 1]);
});

test("an unused weight and a repacked LSTM weight are not stored", () => {
  const testCase = OP_CASES.find((row) => row.name === "lstm, one direction")!;
  const { bytes } = trace(testCase, randomInputs(testCase).weights);
  const names = Buffer.from(bytes).toString("latin1");
  expect(names).toContain("lstm.W");
  expect(names).not.toContain("w0");
});

describe("shapes that cannot be are refused while tracing", () => {
  const graph = new GraphBuilder();
  const backend = new TracingBackend<Weight>(graph, (parameter) => parameter.data);
  const weight = (path: string, shape: number[]) =>
    backend.parameter({ path, shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) });
  const x = graph.input("x", "float32", [-1, 4, 5]);
  const pixels = graph.input("pixels", "uint8", [-1, 4]);
  test.each<[string, () => unknown, RegExp]>([
    [
      "conv1d channels",
      () => backend.conv1d(x, weight("a", [2, 3, 5]), weight("b", [2]), { stride: 1, padding: 0 }),
      /conv1d weight: expected \(2, 4, 5\)/,
    ],
    [
      "linear rank",
      () => backend.linear(x, weight("c", [2, 5]), weight("d", [2])),
      /linear: expected an input of 2 axes but received \(N, 4, 5\)/,
    ],
    ["reshape", () => backend.reshape(x, [-1, 7]), /reshape: expected a shape that fits \(N, 7\)/],
    ["reshape without the batch", () => backend.reshape(x, [4, 5]), /reshape/],
    ["permute twice", () => backend.permute(x, [0, 1, 1]), /permute/],
    ["select", () => backend.select(x, 1, 4), /select: expected index 4 to exist/],
    ["slice", () => backend.slice(x, 1, 2, 5), /slice: expected 2 to 5 to lie on axis 1/],
    [
      "conv1d groups",
      () => backend.conv1d(x, weight("g", [2, 1, 3]), weight("h", [2]), { stride: 1, padding: 0, groups: 3 }),
      /conv1d: expected channels that 3 groups divide but received 4 -> 2/,
    ],
    [
      "embedding of floats",
      () => backend.embedding(x, weight("i", [9, 2])),
      /embedding: expected integer indices but received float32/,
    ],
    [
      "layerNorm features",
      () => backend.layerNorm(x, weight("j", [4]), weight("k", [4]), { epsilon: 1e-5 }),
      /layerNorm weight: expected \(5\) but received \(4\)/,
    ],
    ["matmul", () => backend.matmul(x, x), /matmul/],
    ["broadcast", () => backend.add(x, weight("e", [3])), /add: expected shapes that broadcast/],
    ["uint8 arithmetic", () => backend.relu(pixels), /relu: expected float32 values but received uint8/],
    [
      "weight length",
      () => backend.add(x, backend.parameter({ path: "f", shape: [5], data: new Float32Array(4) })),
      /Expected f to hold 5 values/,
    ],
  ])("%s", (_name, call, message) => {
    expect(call).toThrow(message);
    expect(call).toThrow(expect.objectContaining({ code: "ERR_MODEL_FORMAT" }));
  });
});
