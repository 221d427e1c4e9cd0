// What Bytewise computes besides gradients: where bytes stand as pairs, fingerprints as targets, and the classifier that
// tuning starts from. Against PyTorch: networks.test.ts; in whole runs: training.test.ts.
import { expect, test } from "vitest";
import { Adam, Generator, liveTensors, scope, setThreads, Tensor } from "../../bindings/torch/index.ts";
import { Bytewise } from "../../src/models/bytewise.ts";
import { bytewiseFingerprintPhase } from "../../src/models/bytewise-fingerprint.ts";
import { fitLinear } from "../../src/models/linear-start.ts";
import { fitTables, sessionSums, unitFactors } from "../../src/models/session-factors.ts";
import { TorchBackend } from "../../src/nn/torch-backend.ts";
import { describeTorch } from "../nn/with-torch.ts";
import { tinyDataset } from "../training/tiny-dataset.ts";

describeTorch("bytewise", () => {
  const dataset = tinyDataset(60, 1, true);
  const images = dataset.images.slice();
  const rows = 12;

  const setUp = () => {
    setThreads(1);
    const model = new Bytewise(3, { dropout: 0 }).initialize(1);
    const backend = new TorchBackend(new Generator("cpu", 1));
    backend.adopt(model);
    const tools = {
      backend,
      images,
      labels: undefined,
      seed: 3,
      threads: 1,
      signal: undefined,
      resumed: false,
    };
    return { model, backend, tools };
  };

  const bits = ({ buffer }: Float32Array) => new Uint8Array(buffer);
  const bytes = (from = 0, count = dataset.count) =>
    Tensor.fromBuffer(images.slice(from * 784, (from + count) * 784), [count, 28, 28]);

  test("factors in the graph are those of the native analysis: of pairs and of places, each of length 1", async () => {
    const { model, backend, tools } = setUp();
    const phase = bytewiseFingerprintPhase(model, 1e-3);
    await phase.prepare!(tools);
    const { seed, threads, signal } = tools;
    const rows = Uint32Array.from({ length: dataset.count }, (_, row) => row);
    const tables = await fitTables(images, rows, { dimensions: 128, seed, threads, signal });
    const native = unitFactors(await sessionSums(images, [tables], { dimensions: 128 }), 128);
    const factors = scope(() => backend.predict(() => model.factors(backend, bytes())).toFloat32Array());
    expect(factors.length).toBe(dataset.count * 256);
    expect(Math.max(...factors.map((value, i) => Math.abs(value - native[i]!)))).toBeLessThan(1e-5);
    for (let at = 0; at < factors.length; at += 128)
      expect(Math.hypot(...factors.subarray(at, at + 128))).toBeCloseTo(1, 4);
    phase.release!();
    backend.release(model);
  });

  test("fingerprints are learned; the same again after a resume, which keeps the pair table; nothing is left behind", async () => {
    const before = liveTensors();
    const { model, backend, tools } = setUp();
    const phase = bytewiseFingerprintPhase(model, 1e-3);
    await phase.prepare!(tools);
    const { trunk } = phase.optimizers;
    const adam = new Adam(backend.tensors(trunk!.parameters), { learningRate: 3e-3 });
    const loss = (step: number) =>
      scope(() => {
        const from = (step * rows) % dataset.count;
        const places = Tensor.fromBuffer(BigInt64Array.from({ length: rows }, (_, i) => BigInt(from + i)));
        const minimize = (_: string, value: Tensor) => {
          adam.zeroGrad();
          value.backward();
          adam.step();
        };
        const random = new Generator("cpu", BigInt(step));
        return phase
          .step({ backend, random, minimize }, { images: bytes(from, rows), places })
          .fingerprintLoss!.item();
      });
    backend.training = true;
    const losses = Array.from({ length: 20 }, (_, step) => loss(step));
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value) / values.length;
    expect(losses[0]).toBeGreaterThan(0.7); // 1 - cosine of unrelated directions
    expect(mean(losses.slice(-5))).toBeLessThan(0.9 * mean(losses.slice(0, 5)));

    const table = model.pairs.values();
    const evaluated = loss(100);
    phase.release!();
    await phase.prepare!({ ...tools, resumed: true });
    expect(Buffer.compare(bits(model.pairs.values()), bits(table))).toBe(0); // 8 million numbers: not one by one
    // Of other weights than `evaluated`, one step later, and yet close: the targets are the same.
    expect(Math.abs(loss(100) - evaluated)).toBeLessThan(0.1);
    phase.release!();
    backend.release(model);
    expect(liveTensors().count).toBeLessThanOrEqual(before.count);
  });

  test("the linear start is right on images that a line can tell apart, and centres what it stands on", async () => {
    const { model, backend, tools } = setUp();
    const phase = bytewiseFingerprintPhase(model, 1e-3);
    await phase.prepare!(tools);
    const labels = dataset.labels.slice();
    await fitLinear(model, { ...tools, labels });
    scope(() => {
      const { predicted, pooled } = backend.predict(() => ({
        predicted: model.logits(backend, bytes()).argmax(1).to({ dtype: "float32" }).toFloat32Array(),
        pooled: model.trunk
          .forward(backend, bytes().reshape([-1, 784]))
          .mean([0])
          .toFloat32Array(),
      }));
      expect([...predicted]).toEqual([...labels]);
      model.center.values().forEach((value, i) => {
        expect(value).toBeCloseTo(pooled[i]!, 4);
      });
    });
    phase.release!();
    backend.release(model);
  });
});
