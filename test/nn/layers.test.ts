// Every layer against torch.nn's (golden/layers.json, made by make_layers.py), and its gradients against differences.
import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { Generator, scope, Tensor } from "../../bindings/torch/index.ts";
import { BatchNorm } from "../../src/nn/layers/batch-norm.ts";
import { ConvTranspose2d } from "../../src/nn/layers/conv-transpose2d.ts";
import { Conv1d } from "../../src/nn/layers/conv1d.ts";
import { Conv2d } from "../../src/nn/layers/conv2d.ts";
import { Dropout } from "../../src/nn/layers/dropout.ts";
import { Embedding } from "../../src/nn/layers/embedding.ts";
import { LayerNorm } from "../../src/nn/layers/layer-norm.ts";
import { Linear } from "../../src/nn/layers/linear.ts";
import { Lstm } from "../../src/nn/layers/lstm.ts";
import { SequenceConv } from "../../src/nn/layers/sequence-conv.ts";
import type { Module } from "../../src/nn/module.ts";
import type { Parameter } from "../../src/nn/parameter.ts";
import { TorchBackend } from "../../src/nn/torch-backend.ts";
import { pytorchName } from "../models/pytorch-names.ts";
import { expectClose } from "./close.ts";
import { expectGradientsOfDifferences } from "./differences.ts";
import type { GoldenArray, GoldenArrays } from "./golden/read-golden.ts";
import { probed } from "./operations.ts";
import { describeTorch } from "./with-torch.ts";

interface LayerCase {
  /** The layer's file, and after a comma which of its cases. */
  readonly name: string;
  readonly training: boolean;
  readonly state: GoldenArrays;
  readonly x: GoldenArray;
  readonly output: GoldenArray;
  /** Absent where x are integers. */
  readonly xGradient?: GoldenArray;
  readonly gradients: GoldenArrays;
}

const { cases } = JSON.parse(readFileSync(new URL("golden/layers.json", import.meta.url), "utf8")) as {
  readonly cases: readonly LayerCase[];
};

interface Layer extends Module {
  forward(backend: TorchBackend, x: Tensor): Tensor;
}

const layers: Readonly<Record<string, () => Layer>> = {
  linear: () => new Linear(4, 3),
  conv1d: () => new Conv1d(3, 4, { kernel: 5, padding: 2 }),
  "conv1d, depthwise and dilated": () => new Conv1d(4, 8, { kernel: 3, padding: 2, dilation: 2, groups: 4 }),
  conv2d: () => new Conv2d(2, 3, { kernel: 3, stride: 2, padding: 1 }),
  "conv-transpose2d": () => new ConvTranspose2d(3, 9, { kernel: 5, stride: 2, padding: 2, outputPadding: 1 }),
  "sequence-conv": () => new SequenceConv(3, 4, { kernel: 5, padding: 2 }),
  "sequence-conv, dilated, stride 2": () =>
    new SequenceConv(3, 4, { kernel: 3, padding: 1, dilation: 2, stride: 2 }),
  "sequence-conv, depthwise": () =>
    new SequenceConv(5, 5, { kernel: 3, padding: 2, dilation: 2, stride: 2, groups: 5 }),
  "sequence-conv, groups": () => new SequenceConv(4, 6, { kernel: 3, groups: 2 }),
  embedding: () => new Embedding(6, 3),
  "layer-norm": () => new LayerNorm(5),
  "batch-norm": () => new BatchNorm(3),
  "batch-norm, prediction": () => new BatchNorm(3),
  lstm: () => new Lstm(3, 5),
  "lstm, both directions": () => new Lstm(3, 5, { bidirectional: true }),
  dropout: () => new Dropout(0.5),
};

/** Takes parameters from a table instead of from their modules. */
class GivenParameters extends TorchBackend {
  readonly given: Readonly<Record<string, Tensor>>;
  constructor(given: Readonly<Record<string, Tensor>>, training: boolean) {
    super(new Generator("cpu", 1));
    this.given = given;
    this.training = training;
  }
  override parameter(parameter: Parameter): Tensor {
    return this.given[pytorchName(parameter.path)]!;
  }
}

const tensorOf = ({ shape, values }: GoldenArray, dtype: "float32" | "float64" = "float32") =>
  Tensor.fromBuffer(Float32Array.from(values), shape).to({ dtype });
const integersOf = ({ shape, values }: GoldenArray) => Tensor.fromBuffer(Uint8Array.from(values), shape);

describeTorch("layers", () => {
  it("are all here", () => {
    const files = readdirSync(new URL("../../src/nn/layers", import.meta.url)).map((file) =>
      file.replace(".ts", ""),
    );
    expect(new Set(Object.keys(layers).map((name) => name.split(",")[0]!))).toEqual(new Set(files));
    expect(cases.map(({ name }) => name).sort()).toEqual(Object.keys(layers).sort());
  });

  it.each(cases)("$name: as PyTorch's", ({ name, training, state, x, output, xGradient, gradients }) => {
    const layer = layers[name]!().initialize(1);
    const paths = [...layer.members()].map(([path]) => path);
    expect(paths.map(pytorchName).sort()).toEqual(Object.keys(state).sort());
    layer.loadStateDict(
      new Map(paths.map((path) => [path, Float32Array.from(state[pytorchName(path)]!.values)])),
    );
    const backend = new TorchBackend(new Generator("cpu", 1));
    backend.adopt(layer);
    backend.training = training;
    scope(() => {
      const input = xGradient === undefined ? integersOf(x) : tensorOf(x).setRequiresGrad(true);
      const result = layer.forward(backend, input);
      expect(result.shape).toEqual(output.shape);
      expectClose(result.detach().toFloat32Array(), output.values, 2e-6, name);
      probed(result).backward();
      if (xGradient !== undefined) {
        expectClose(input.grad()!.toFloat32Array(), xGradient.values, 5e-6, "gradient of x");
      }
      expect(
        layer
          .parameters()
          .map(({ path }) => pytorchName(path))
          .sort(),
      ).toEqual(Object.keys(gradients).sort());
      for (const parameter of layer.parameters()) {
        const expected = gradients[pytorchName(parameter.path)]!;
        const received = backend.parameter(parameter).grad()!.toFloat32Array();
        expectClose(received, expected.values, 5e-6, `gradient of ${parameter.path}`);
      }
    });
    backend.release(layer);
  });

  it.each(cases)(
    "$name: gradients against differences",
    ({ name, training, state, x, xGradient, gradients }) => {
      const layer = layers[name]!().initialize(1);
      const trained = Object.fromEntries(Object.keys(gradients).map((key) => [key, state[key]!]));
      const fixed = Object.entries(state).filter(([key]) => !(key in gradients));
      const leaves = xGradient === undefined ? trained : { "the input": x, ...trained };
      expectGradientsOfDifferences(leaves, (tensors, dtype) => {
        const others = Object.fromEntries(fixed.map(([key, array]) => [key, tensorOf(array, dtype)]));
        const input = tensors["the input"] ?? integersOf(x);
        return layer.forward(new GivenParameters({ ...tensors, ...others }, training), input);
      });
    },
  );
});
