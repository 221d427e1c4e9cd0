import { expect, it } from "vitest";
import { Generator, liveTensors, scope, Tensor } from "../../bindings/torch/index.ts";
import { torch } from "../../bindings/torch/native.ts";
import { TorchBackend } from "../../src/nn/torch-backend.ts";
import { inputData, OP_CASES, randomInputs } from "../onnx/op-cases.ts";
import { expectClose } from "./close.ts";
import { expectGradientsOfDifferences, type Leaf } from "./differences.ts";
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
});

describeTorch("gradients against differences", () => {
  it.each(golden.cases)("$name", ({ name, inputs, constants }) => {
    expectGradientsOfDifferences(inputs, (leaves, dtype) => {
      const others = Object.entries(tensorsOf(constants)).map(([key, x]) => [key, x.to({ dtype })]);
      return operations[name]!({ ...leaves, ...Object.fromEntries(others) });
    });
  });

  it("leaves no tensor behind", () => {
    expect(liveTensors()).toEqual({ count: 0, bytes: 0 });
  });
});

describeTorch("gradients of what is in no case", () => {
  it("go through copies and changes of type as they come", () => {
    scope(() => {
      const x = Tensor.fromBuffer(Float32Array.of(1, 2, 3, 4), [2, 2]).setRequiresGrad(true);
      probed(
        x.clone().permute([1, 0]).contiguous().to({ dtype: "float64" }).to({ dtype: "float32" }),
      ).backward();
      const expected = [0, 2, 1, 3].map((i) => Math.cos(i));
      expectClose(x.grad()!.toFloat32Array(), expected, 1e-6, "gradient");
    });
  });

  it("dropout: each element's is 0 where it was dropped, else 1 / (1 - probability)", () => {
    scope(() => {
      const x = Tensor.ones([200]).setRequiresGrad(true);
      const dropped = x.dropout(0.75, new Generator("cpu", 3));
      dropped.sum().backward();
      expect(x.grad()!.toFloat32Array()).toEqual(dropped.detach().toFloat32Array());
      expect(new Set(x.grad()!.toFloat32Array())).toEqual(new Set([0, 4]));
    });
  });

  // What makes tensors, asks, compares, computes integers, or is no function of a tensor.
  const WITHOUT_GRADIENT =
    `setErrorClass fromBuffer full arange uniform normal randperm bernoulli integers maskAt nonzero copyTo shape dtype device isLive
    release live item grad gradEnabled setGradEnabled requiresGrad setRequiresGrad backward clearGrad detach copyFrom equal greater
    less argmax makeGenerator seedGenerator generatorState setGeneratorState makeAdam adamStep adamZeroGrad adamSteps
    adamMoments setAdamLearningRate setAdamState updateAverages info cudaDevices setThreads`.split(/\s+/);
  const ABOVE = ["clone", "contiguous", "to", "dropout"];

  it("is nothing: every other function of the addon is called by a case", () => {
    const addon = torch() as unknown as Record<string, (...given: unknown[]) => unknown>;
    const called = new Set<string>();
    const originals = new Map(Object.entries(addon));
    for (const [name, original] of originals) {
      addon[name] = (...given) => {
        called.add(name);
        return original(...given);
      };
    }
    try {
      for (const { name, inputs, constants } of golden.cases) {
        scope(() => operations[name]!({ ...tensorsOf(inputs), ...tensorsOf(constants) }));
      }
    } finally {
      Object.assign(addon, Object.fromEntries(originals));
    }
    const known = new Set([...WITHOUT_GRADIENT, ...ABOVE]);
    expect([...originals.keys()].filter((name) => !known.has(name) && !called.has(name))).toEqual([]);
    expect([...known].filter((name) => !originals.has(name))).toEqual([]);
  });
});

describeTorch("gradients of the backend's operations", () => {
  class Recorder extends TorchBackend {
    readonly called = new Set<string>();
  }
  const recorder = () => {
    const backend = new Recorder(new Generator("cpu", 1));
    return new Proxy(backend, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        target.called.add(String(name));
        return member.bind(target);
      },
    });
  };
  const called = new Set<string>();

  it.each(OP_CASES)("$name", (testCase) => {
    const { x, weights } = randomInputs(testCase);
    const { constants = 0 } = testCase;
    const trained = weights.slice(0, weights.length - constants);
    const fixed = weights.slice(weights.length - constants);
    const integers = testCase.bytesBelow !== undefined; // no leaf
    const leaves = Object.fromEntries(
      [...(integers ? [] : [x]), ...trained].map(({ shape, data }, i): [string, Leaf] => [
        `leaf ${i}`,
        { shape, values: data },
      ]),
    );
    const backend = recorder();
    expectGradientsOfDifferences(leaves, (tensors, dtype) => {
      const bytes = integers ? [Tensor.fromBuffer(inputData(testCase, x), x.shape)] : [];
      const [input, ...rest] = [...bytes, ...Object.values(tensors)];
      const others = fixed.map(({ shape, data }) =>
        Tensor.fromBuffer(Float32Array.from(data), shape).to({ dtype }),
      );
      return testCase.run(backend, input!, [...rest, ...others]);
    });
    for (const name of backend.called) called.add(name);
  });

  it("are all checked: a new one needs a row in op-cases.ts", () => {
    const noOperations = [
      "constructor",
      "adopt",
      "release",
      "tensors",
      "frozen",
      "predict",
      "parameter",
      "exchange",
    ];
    // uint8 goes in: there is nothing to differentiate.
    const expected = Object.getOwnPropertyNames(TorchBackend.prototype).filter(
      (name) => ![...noOperations, "toFloat"].includes(name),
    );
    expect(expected.filter((name) => !called.has(name))).toEqual([]);
  });
});
