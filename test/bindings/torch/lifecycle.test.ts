import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { FlowglyphError } from "../../../bindings/errors.ts";
import { liveTensors, noGrad, scope, Tensor } from "../../../bindings/torch/index.ts";
import { describeTorch } from "../../nn/with-torch.ts";

const nothing = { count: 0, bytes: 0 };

describeTorch("disposal", () => {
  it("counts live tensors and their bytes", () => {
    const x = Tensor.zeros([10, 10]);
    const view = x.slice(0, 0, 5);
    expect(liveTensors()).toEqual({ count: 2, bytes: 400 + 200 });
    x.dispose();
    view.dispose();
    expect(liveTensors()).toEqual(nothing);
  });

  it("twice is once, and use afterwards is an error", () => {
    const x = Tensor.zeros([2]);
    x.dispose();
    x.dispose();
    x[Symbol.dispose]();
    expect(x.disposed).toBe(true);
    expect(liveTensors()).toEqual(nothing);
    expect(() => x.add(1)).toThrow("add: expected argument 1 to be a live tensor but it was disposed");
  });

  it("by scope keeps what is returned, also deep inside, and nothing else", () => {
    const kept = scope(() => {
      const x = Tensor.ones([4]);
      x.add(1).multiply(2);
      return { list: [x], map: new Map([["y", x.add(2)]]), number: 3 };
    });
    expect(liveTensors().count).toBe(2);
    expect(kept.map.get("y")!.toFloat32Array()).toEqual(Float32Array.of(3, 3, 3, 3));
    kept.list[0]!.dispose();
    kept.map.get("y")!.dispose();
    expect(liveTensors()).toEqual(nothing);
  });

  it("by nested scopes hands the result to the outer one", () => {
    scope(() => {
      const inner = scope(() => Tensor.ones([2]).add(1));
      expect(liveTensors().count).toBe(1);
      expect(inner.disposed).toBe(false);
    });
    expect(liveTensors()).toEqual(nothing);
  });

  it("by scope happens after a failure inside too", () => {
    expect(() =>
      scope(() => {
        Tensor.ones([2]).matmul(Tensor.ones([3]));
      }),
    ).toThrow(FlowglyphError);
    expect(liveTensors()).toEqual(nothing);
  });

  it("leaves kept tensors alone", () => {
    const x = scope(() => {
      const made = Tensor.ones([2]).keep();
      return () => made;
    })();
    expect(x.disposed).toBe(false);
    x.dispose();
  });

  it("refuses asynchronous bodies", () => {
    expect(() => scope(async () => 1)).toThrow("to be synchronous");
    expect(() => noGrad(async () => 1)).toThrow("to be synchronous");
  });

  it("keeps the number of live tensors flat over 10,000 rounds with gradients", () => {
    const weight = Tensor.full([16, 16], 0.1).setRequiresGrad(true);
    const before = liveTensors();
    for (let round = 0; round < 10_000; round++) {
      scope(() => {
        const data = new Float32Array(64).fill(round);
        const loss = Tensor.fromBuffer(data, [4, 16]).matmul(weight).tanh().mean();
        weight.clearGrad();
        loss.backward();
      });
    }
    expect(liveTensors()).toEqual(before);
    weight.clearGrad();
    weight.dispose();
    expect(liveTensors()).toEqual(nothing);
  });

  it("does not grow the process over many large buffers", () => {
    const megabytes = () => process.memoryUsage.rss() / 2 ** 20;
    const round = () =>
      scope(() => {
        Tensor.fromBuffer(new Float32Array(1 << 18))
          .add(1)
          .sum()
          .item();
      });
    for (let i = 0; i < 100; i++) {
      round();
    }
    const before = megabytes();
    for (let i = 0; i < 1000; i++) {
      round();
    }
    // 1000 rounds touch 2000 MiB; garbage that waits for its collection may be some of the last rounds'.
    expect(megabytes() - before).toBeLessThan(300);
  });
});

const addon = new URL("../../../build/Release/flowglyph_torch.node", import.meta.url).pathname;

/** Loads the addon in a worker thread, trains one weight, and answers with a result and the worker's live tensors. */
function trainInWorker(rounds: number): Promise<{ value: number; live: { count: number; bytes: number } }> {
  const source = `
    const { parentPort } = require("node:worker_threads");
    const torch = require(${JSON.stringify(addon)});
    const generator = torch.makeGenerator("cpu", 5n);
    const weight = torch.full([8, 1], 0, "float32", "cpu");
    torch.setRequiresGrad(weight, true);
    const adam = torch.makeAdam([weight], 0.05, 0.9, 0.999, 1e-8, [0], 1);
    let value = 0;
    for (let round = 0; round < ${rounds}; round++) {
      const x = torch.uniform([32, 8], -1, 1, generator);
      const target = torch.sum(x, [1], true);
      const prediction = torch.matmul(x, weight);
      const loss = torch.mse(prediction, target);
      torch.adamZeroGrad(adam);
      torch.backward(loss);
      torch.adamStep(adam);
      value = torch.item(loss);
      for (const tensor of [x, target, prediction, loss]) torch.release(tensor);
    }
    torch.release(weight);
    parentPort.postMessage({ value, live: torch.live() });`;
  return new Promise((resolve, reject) => {
    const worker = new Worker(source, { eval: true });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

describeTorch("worker threads", () => {
  it("compute the same, two at once, beside the main thread", async () => {
    const x = Tensor.ones([3]);
    const [first, second] = await Promise.all([trainInWorker(400), trainInWorker(400)]);
    expect(first.live).toEqual(nothing);
    expect(second).toEqual(first);
    expect(first.value).toBeLessThan(0.01);
    expect(liveTensors().count).toBe(1);
    x.dispose();
  });

  it("may be terminated in the middle of their work", async () => {
    for (let round = 0; round < 5; round++) {
      const worker = new Worker(
        `const torch = require(${JSON.stringify(addon)});
         require("node:worker_threads").parentPort.postMessage("running");
         const buffer = new ArrayBuffer(4 << 20);
         for (;;) torch.add(torch.fromBuffer(buffer, 0, [1 << 20], "float32"), 1);`,
        { eval: true },
      );
      await new Promise((resolve) => worker.once("message", resolve));
      expect(await worker.terminate()).toBe(1);
    }
    expect(scope(() => Tensor.ones([2]).sum().item())).toBe(2);
  });
});
