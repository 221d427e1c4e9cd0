import { expect, it } from "vitest";
import { Generator, liveTensors, scope, Tensor } from "../../bindings/torch/index.ts";
import { BatchNorm } from "../../src/nn/layers/batch-norm.ts";
import { Dropout } from "../../src/nn/layers/dropout.ts";
import { Linear } from "../../src/nn/layers/linear.ts";
import { Lstm } from "../../src/nn/layers/lstm.ts";
import { correctCount, realness } from "../../src/nn/losses.ts";
import { Module } from "../../src/nn/module.ts";
import { TorchBackend } from "../../src/nn/torch-backend.ts";
import { expectClose } from "./close.ts";
import { describeTorch } from "./with-torch.ts";

class Net extends Module {
  readonly linear = new Linear(3, 2);
  readonly norm = new BatchNorm(2);
}

const makeBackend = () => new TorchBackend(new Generator("cpu", 1));

describeTorch("TorchBackend", () => {
  it("adopts a module, reads and writes its values in place, and gives them back", () => {
    const net = new Net().initialize(1);
    const before = net.stateDict();
    const backend = makeBackend();
    backend.adopt(net);
    backend.adopt(net);
    expect(liveTensors().count).toBe(6);
    expect(net.stateDict()).toEqual(before);
    const weight = backend.parameter(net.linear.weight);
    expect([weight.requiresGrad, backend.parameter(net.norm.runningMean).requiresGrad]).toEqual([
      true,
      false,
    ]);
    net.loadStateDict(new Map(before).set("linear.weight", new Float32Array(6).fill(4)));
    expect(weight.toFloat32Array()).toEqual(new Float32Array(6).fill(4));
    backend.release(net);
    expect(liveTensors().count).toBe(0);
    expect(net.linear.weight.values()).toEqual(new Float32Array(6).fill(4));
    expect(() => backend.parameter(net.linear.weight)).toThrow("its module was not adopted");
  });

  it("takes batch statistics in training and the running ones in prediction", () => {
    const net = new Net().initialize(1);
    const backend = makeBackend();
    backend.adopt(net);
    scope(() => {
      const x = Tensor.fromBuffer(Float32Array.of(1, 10, 3, 30), [2, 2]);
      const predicted = net.norm.forward(backend, x).toFloat32Array();
      expectClose(predicted, [1, 10, 3, 30], 1e-4, "prediction");
      backend.training = true;
      expectClose(net.norm.forward(backend, x).toFloat32Array(), [-1, -1, 1, 1], 1e-4, "training");
      expectClose(net.norm.runningMean.values(), [0.2, 2], 1e-6, "running mean");
      expectClose(
        backend.predict(() => net.norm.forward(backend, x)).toFloat32Array(),
        [0.7628, 1.7499, 2.6697, 6.1247],
        1e-4,
        "prediction",
      );
    });
    backend.release(net);
  });

  it("drops out in training alone", () => {
    const backend = makeBackend();
    const dropout = new Dropout(0.5);
    scope(() => {
      const x = Tensor.ones([100]);
      expect(dropout.forward(backend, x)).toBe(x);
      backend.training = true;
      expect(new Set(dropout.forward(backend, x).toFloat32Array())).toEqual(new Set([0, 2]));
      expect(backend.predict(() => dropout.forward(backend, x))).toBe(x);
      expect(backend.training).toBe(true);
    });
  });

  it("asks for no gradients of frozen parameters, and thaws them after a failure", () => {
    const net = new Net().initialize(1);
    const backend = makeBackend();
    backend.adopt(net);
    scope(() => {
      const x = Tensor.ones([2, 3]).setRequiresGrad(true);
      const frozen = backend.frozen(net.parameters(), () => net.linear.forward(backend, x).sum());
      frozen.backward();
      expect(backend.parameter(net.linear.weight).grad()).toBeUndefined();
      expect(x.grad()!.shape).toEqual([2, 3]);
      expect(() =>
        backend.frozen(net.parameters(), () => net.linear.forward(backend, Tensor.ones([2, 5]))),
      ).toThrow();
      net.linear.forward(backend, x).sum().backward();
      expect(backend.parameter(net.linear.weight).grad()!.shape).toEqual([2, 3]);
    });
    backend.release(net);
  });

  it("takes the final state of each LSTM direction from its own end", () => {
    const lstm = new Lstm(2, 3, { bidirectional: true }).initialize(1);
    const backend = makeBackend();
    backend.adopt(lstm);
    scope(() => {
      const states = Tensor.arange(2 * 4 * 6, { dtype: "float32" }).reshape([2, 4, 6]);
      const ends = lstm.finalStates(backend, states, 4);
      expect([...ends.toFloat32Array()]).toEqual([18, 19, 20, 3, 4, 5, 42, 43, 44, 27, 28, 29]);
    });
    backend.release(lstm);
  });
});

describeTorch("losses", () => {
  it("realness is ln 2 at logit 0 and small on the right side", () => {
    scope(() => {
      expect(realness(Tensor.zeros([4, 1]), 1).item()).toBeCloseTo(Math.LN2, 6);
      expect(realness(Tensor.full([4, 1], 5), 1).item()).toBeCloseTo(Math.log1p(Math.exp(-5)), 6);
      expect(realness(Tensor.full([4, 1], 5), 0).item()).toBeCloseTo(5 + Math.log1p(Math.exp(-5)), 5);
    });
  });

  it("counts right answers", () => {
    scope(() => {
      const logits = Tensor.fromBuffer(Float32Array.of(1, 2, 5, 3, 0, 1), [3, 2]);
      expect(correctCount(logits, Tensor.fromBuffer(BigInt64Array.of(1n, 1n, 1n))).item()).toBe(2);
    });
  });
});
