import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { Generator, scope, Tensor, torchAvailable } from "../../bindings/torch/index.ts";
import type { ParameterSpec } from "../../src/nn/backend.ts";
import { TorchBackend } from "../../src/nn/torch-backend.ts";
import { GraphBuilder } from "../../src/onnx/graph.ts";
import { TracingBackend } from "../../src/onnx/tracing-backend.ts";
import { inputData, inputElement, OP_CASES, randomInputs } from "./op-cases.ts";

interface Weight extends ParameterSpec {
  readonly data: Float32Array;
}

describe.skipIf(!torchAvailable())("both backends give the same on the same weights (needs libtorch)", () => {
  test.each(OP_CASES)("$name", async (testCase) => {
    const { x, weights } = randomInputs(testCase);
    const computed = scope(() => {
      const backend = new TorchBackend(new Generator("cpu", 1));
      const tensors = weights.map((weight) => Tensor.copyOf(weight.data, weight.shape));
      const y = testCase.run(backend, Tensor.fromBuffer(inputData(testCase, x), x.shape), tensors);
      return { shape: y.shape, data: y.toFloat32Array() };
    });

    const graph = new GraphBuilder();
    const tracer = new TracingBackend<Weight>(graph, (parameter) => parameter.data);
    const values = weights.map((weight, i) => tracer.parameter({ path: `w${i}`, ...weight }));
    const input = graph.input("x", inputElement(testCase), [-1, ...testCase.input.slice(1)]);
    graph.output("y", testCase.run(tracer, input, values));
    const session = await InferenceSession.create(
      graph.finish({ graphName: "case", toolVersion: "0", metadata: {} }),
    );
    const { y } = await session.run({
      x: new OrtTensor(inputElement(testCase), inputData(testCase, x), [...x.shape]),
    });
    await session.release();

    expect(y!.dims).toEqual(computed.shape);
    const expected = testCase.expected(x, weights);
    (y!.data as Float32Array).forEach((value, i) => {
      expect(Math.abs(value - computed.data[i]!)).toBeLessThanOrEqual(1e-5);
      expect(Math.abs(expected.data[i]! - computed.data[i]!)).toBeLessThanOrEqual(1e-5);
    });
  });
});
