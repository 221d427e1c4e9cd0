// Every network of the registry against plain PyTorch (golden/make_networks.py), and against sizes counted by hand.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Generator, liveTensors, scope, Tensor } from "../../bindings/torch/index.ts";
import type { TrainableModel } from "../../src/models/model.ts";
import { createModel } from "../../src/models/registry.ts";
import { scaleBytes } from "../../src/models/scaling.ts";
import { logSumExp } from "../../src/nn/losses.ts";
import type { Module } from "../../src/nn/module.ts";
import { TorchBackend } from "../../src/nn/torch-backend.ts";
import { expectClose } from "../nn/close.ts";
import { describeTorch } from "../nn/with-torch.ts";
import { NETWORKS } from "./networks.ts";
import { fillMembers, goldenImages, goldenNoise } from "./pytorch-names.ts";

/** Name, sum, Euclidean norm. */
type Gradients = readonly (readonly [string, number, number])[];

interface Row {
  readonly model: string;
  readonly options: { readonly [name: string]: unknown };
  readonly members: readonly (readonly [name: string, elements: number])[];
  /** Logits in prediction, and in training; absent where a row is about the generator alone. */
  readonly predicted?: readonly number[];
  readonly logits?: readonly number[];
  readonly loss?: number;
  readonly gradients?: Gradients;
  /** What the model does beside classifying, and the gradients of its sum. */
  readonly generative?: { readonly values: readonly number[]; readonly gradients: Gradients };
}

const golden = JSON.parse(readFileSync(new URL("golden/networks.json", import.meta.url), "utf8")) as {
  readonly rows: readonly Row[];
};
const labelled = golden.rows.map((row) => ({ ...row, title: `${row.model} ${JSON.stringify(row.options)}` }));

// Weight and bias of each layer, from the sizes in the paper; K classes.
const CONV1D = (inputs: number, outputs: number, kernel: number) => outputs * (inputs * kernel + 1);
const CONV2D = (inputs: number, outputs: number, kernel: number) => outputs * (inputs * kernel ** 2 + 1);
const LINEAR = (inputs: number, outputs: number) => outputs * (inputs + 1);
const LSTM = (inputs: number, hidden: number) => 4 * hidden * (inputs + hidden + 2);
const NORM = (channels: number) => 2 * channels;
const GENERATOR =
  LINEAR(100, 2048) +
  (CONV2D(128, 64, 5) + NORM(64)) +
  (CONV2D(64, 32, 5) + NORM(32)) +
  (CONV2D(32, 1, 5) + NORM(1));
const MIRROR = CONV2D(1, 32, 5) + CONV2D(32, 64, 5) + CONV2D(64, 128, 5);

/** Trainable numbers of each model with its default options. */
const SIZES: Readonly<Record<string, (K: number) => number>> = {
  clgan: (K) =>
    GENERATOR + CONV1D(28, 128, 5) + CONV1D(128, 64, 5) + LSTM(64, 256) + LINEAR(256, 1) + LINEAR(256, K),
  dcgan: (K) => GENERATOR + MIRROR + NORM(64) + NORM(128) + LINEAR(2048, 1) + LINEAR(2048, K),
  ae: (K) =>
    CONV2D(1, 32, 3) +
    CONV2D(32, 64, 3) +
    CONV2D(64, 128, 3) +
    LINEAR(2048, 100) +
    GENERATOR +
    (CONV2D(128, 64, 3) + CONV2D(64, 64, 3) + LSTM(64, 256) + LINEAR(256, K)),
  "cnn-lstm": (K) =>
    CONV1D(28, 128, 3) + 2 * CONV1D(128, 128, 3) + LSTM(128, 64) + LINEAR(7 * 64, 128) + LINEAR(128, K),
  bytewise: (K) =>
    257 * 16 +
    CONV1D(16, 128, 8) +
    196 * 128 +
    3 * (NORM(128) + CONV1D(128, 128, 5) + CONV1D(128, 128, 1)) +
    NORM(128) +
    LINEAR(256, 256) +
    LINEAR(256 + 2 * 128, K),
  patchwise: (K) => 257 * 16 + LINEAR(8 * 16, 64) + LINEAR(2 * 64, 128) + LINEAR(256, K),
  bytesgan: (K) => GENERATOR + MIRROR + LINEAR(2048, K),
};

describe("networks", () => {
  it.each(NETWORKS.map(({ name }) => name))("%s has the number of parameters of its sizes", (name) => {
    for (const classes of [2, 12]) {
      const { root } = createModel(name, {}, { classes, seed: 1 });
      const count = root.parameters().reduce((sum, { elements }) => sum + elements, 0);
      expect(count).toBe(SIZES[name]?.(classes));
    }
  });
});

function adopted({ root }: TrainableModel): TorchBackend {
  const backend = new TorchBackend(new Generator("cpu", 1));
  backend.adopt(root);
  return backend;
}

const weight = (i: number, k: number) =>
  0.1 * (((7919 * i * i + 2654435761 * i + 40503 * k) % 2 ** 32) / 2 ** 31 - 1);

type Forward = Module & { forward(backend: TorchBackend, x: Tensor): Tensor };
interface Parts {
  readonly generator: Forward;
  readonly trunk: Forward;
  readonly reality: Forward;
  readonly fingerprint: Forward;
  reconstruct(backend: TorchBackend, images: Tensor): Tensor;
}

const everyFortyNinth = (images: Tensor) =>
  images
    .select(0, 1)
    .reshape([-1])
    .indexSelect(0, Tensor.fromBuffer(Int32Array.from({ length: 16 }, (_, i) => 49 * i)));

/** `generative()` of make_networks.py, by model. */
const GENERATIVE: Readonly<
  Record<string, (model: TrainableModel, parts: Parts, backend: TorchBackend) => Tensor>
> = {
  clgan: (_, { generator }, backend) => everyFortyNinth(generator.forward(backend, goldenNoise())),
  dcgan: (_, { generator, trunk, reality }, backend) =>
    reality.forward(backend, trunk.forward(backend, generator.forward(backend, goldenNoise()))).reshape([-1]),
  bytewise: (_, { trunk, fingerprint }, backend) =>
    fingerprint
      .forward(backend, trunk.forward(backend, goldenImages().reshape([-1, 784])))
      .select(0, 1)
      .indexSelect(0, Tensor.fromBuffer(Int32Array.from({ length: 37 }, (_, i) => 7 * i))),
  ae: (_, parts, backend) => {
    const images = scaleBytes(backend, goldenImages());
    const made = parts.reconstruct(backend, images);
    return Tensor.concat([everyFortyNinth(made), made.l1(images).reshape([1])], 0);
  },
};

describeTorch("networks against plain PyTorch", () => {
  it("has a row for every model but CLGAN, which has a file of its own", () => {
    expect(new Set(["clgan", ...golden.rows.map(({ model }) => model)])).toEqual(
      new Set(NETWORKS.map(({ name }) => name)),
    );
  });

  const setUp = ({ model: name, options, members }: Row) => {
    const model = createModel(name, options, { classes: 5, seed: 1 });
    const filled = fillMembers(
      model.root,
      members.map(([member]) => member),
      weight,
    );
    const sizes = [...filled].map(([member, { elements }]) => [member, elements] as const);
    const expected = members.map(([member, elements]) => [member, elements] as const);
    return { model, filled, sizes, expected };
  };

  const expectGradients = (
    gradients: Gradients,
    filled: ReturnType<typeof setUp>["filled"],
    backend: TorchBackend,
  ) => {
    for (const [name, sum, norm] of gradients) {
      const gradient = backend.parameter(filled.get(name)!).grad()!;
      // Sums that cancel are known to the rounding of their norm.
      const scale = 1 + norm;
      const received = [gradient.sum().item() / scale, gradient.pow(2).sum().sqrt().item() / scale];
      expectClose(received, [sum / scale, norm / scale], 2e-4, `gradient of ${name}`);
    }
    const given = new Set(gradients.map(([name]) => name));
    const others = [...filled].filter(([name]) => !given.has(name)).map(([, parameter]) => parameter);
    expect(others.filter((parameter) => backend.parameter(parameter).grad() !== undefined)).toEqual([]);
  };

  it.each(labelled.filter(({ predicted }) => predicted))("$title: logits and their gradients", (row) => {
    const { model, filled, sizes, expected } = setUp(row);
    expect(sizes.sort()).toEqual(expected.sort());
    const backend = adopted(model);
    scope(() => {
      const images = goldenImages();
      const predicted = backend.predict(() => model.logits(backend, images));
      expect(predicted.shape).toEqual([3, 5]);
      expectClose(predicted.toFloat32Array(), row.predicted!, 1e-5, "logits in prediction");
      const one = backend.predict(() => model.logits(backend, images.slice(0, 1, 2)));
      expectClose(one.toFloat32Array(), row.predicted!.slice(5, 10), 1e-5, "logits of one image");
      backend.training = true;
      const logits = model.logits(backend, images);
      expectClose(logits.detach().toFloat32Array(), row.logits!, 1e-5, "logits in training");
      const loss = logits.crossEntropy(Tensor.fromBuffer(BigInt64Array.of(0n, 3n, 1n)));
      expect(loss.item()).toBeCloseTo(row.loss!, 5);
      loss.backward();
      expectGradients(row.gradients!, filled, backend);
    });
    backend.release(model.root);
    expect(liveTensors().count).toBe(0);
  });

  it.each(labelled.filter(({ model, generative }) => generative && GENERATIVE[model]))(
    "$title: what it generates, and its gradients",
    (row) => {
      const { model, filled } = setUp(row);
      const backend = adopted(model);
      backend.training = true;
      scope(() => {
        const parts = model.root as Module as Module & Parts;
        const values = GENERATIVE[row.model]!(model, parts, backend);
        expectClose(values.detach().toFloat32Array(), row.generative!.values, 2e-5, "values");
        values.sum().backward();
        expectGradients(row.generative!.gradients, filled, backend);
      });
      backend.release(model.root);
    },
  );

  it("bytesgan: log sum exp is the logit of the K + 1 outputs for all but the last", () => {
    const row = golden.rows.find(({ model }) => model === "bytesgan")!;
    const { model } = setUp(row);
    const backend = adopted(model);
    backend.training = true;
    scope(() => {
      const { generator, trunk, classes } = model.root as Module as Module & Record<string, Forward>;
      const real = (images: Tensor) =>
        logSumExp(classes!.forward(backend, trunk!.forward(backend, images))).detach();
      const generated = generator!.forward(backend, goldenNoise());
      const received = [
        ...real(generated).negate().sigmoid().log().toFloat32Array(),
        ...real(scaleBytes(backend, goldenImages())).sigmoid().log().toFloat32Array(),
      ];
      expectClose(received, row.generative!.values, 2e-5, "log p(generated), log p(not generated)");
    });
    backend.release(model.root);
  });
});
