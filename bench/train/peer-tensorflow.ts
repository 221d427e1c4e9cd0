// The same step in tensorflow.js. Its networks are channels-last: images cross once, weights are permuted once.
//   node peer-tensorflow.js FOLDER PEERS PACKAGE
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { PHASES, type Phase, serve } from "./peer-server.ts";
import type * as Tensorflow from "./tensorflow-types.ts";
import type { Workload } from "./workload.ts";

const [folder, peers, packageName] = process.argv.slice(2) as [string, string, string];
const tf = createRequire(join(peers, "package.json"))(packageName) as Tensorflow.Module;
type Tensor = Tensorflow.Tensor;
const bytes = (name: string) => new Uint8Array(readFileSync(join(folder, name))).buffer;
const workload = JSON.parse(readFileSync(join(folder, "workload.json"), "utf8")) as Workload;
const { batch, classes, learningRate } = workload;
const slope = 0.2;

const values = new Float32Array(bytes("weights.bin"));
const imageBytes = new Uint8Array(bytes("images.bin")).slice(0, batch * 784);
const images = tf.tensor(Int32Array.from(imageBytes), [batch, 28, 28], "int32");
const labels = tf.oneHot(
  tf.tensor1d(Int32Array.from(new BigInt64Array(bytes("labels.bin")).slice(0, batch), Number), "int32"),
  classes,
);
const noises = new Float32Array(bytes("noise.bin"));

/** How each kind of weight is laid out here. */
function layOut(name: string, tensor: Tensor): Tensor {
  const rank = tensor.shape.length;
  if (/up\d\.weight$/.test(name)) return tensor.transpose([2, 3, 1, 0]); // (C, O, K, K) -> (K, K, O, C)
  if (rank === 3) return tensor.transpose([2, 1, 0]); // (O, C, K) -> (K, C, O)
  return rank === 2 ? tensor.transpose([1, 0]) : tensor;
}

class Learner {
  readonly #weights = new Map<string, Tensorflow.Variable>();
  readonly #adams = {
    discriminator: tf.train.adam(learningRate, 0.5, 0.999, 1e-8),
    generator: tf.train.adam(learningRate, 0.5, 0.999, 1e-8),
    classifier: tf.train.adam(learningRate, 0.9, 0.999, 1e-8),
  };
  readonly #dropout: number;

  constructor(dropout: number) {
    this.#dropout = dropout;
    for (const { name, shape, offset } of workload.weights) {
      const elements = shape.reduce((product, length) => product * length, 1);
      const variable = tf.tidy(() => {
        const tensor = layOut(name, tf.tensor(values.slice(offset, offset + elements), shape));
        return tf.variable(tensor, !name.includes("running"));
      });
      this.#weights.set(name, variable);
    }
  }

  #w(name: string): Tensorflow.Variable {
    return this.#weights.get(name)!;
  }
  #trainable(...starts: string[]): Tensorflow.Variable[] {
    return [...this.#weights]
      .filter(([name, v]) => v.trainable && starts.some((s) => name.startsWith(s)))
      .map(([, v]) => v);
  }

  /** Batch norm of (N, H, W, C) by the batch's statistics, and the running ones after it. */
  #norm(name: string, x: Tensor): Tensor {
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    const count = x.size / x.shape[x.shape.length - 1]!;
    for (const [running, now] of [
      ["Mean", mean],
      ["Variance", variance.mul(count / (count - 1))],
    ] as const) {
      const target = this.#w(`${name}.running${running}`);
      target.assign(target.mul(0.9).add(now.mul(0.1)));
    }
    return tf.batchNorm(x, mean, variance, this.#w(`${name}.bias`), this.#w(`${name}.weight`), 1e-5);
  }

  /** (N, 100) -> (N, 28, 28). */
  #generate(z: Tensor): Tensor {
    const g = (name: string) => this.#w(`generator.${name}`);
    const count = z.shape[0]!;
    const up = (name: string, x: Tensor, side: number, channels: number, padding: number) =>
      tf
        .conv2dTranspose(x, g(`${name}.weight`), [count, side, side, channels], 2, padding, "floor")
        .add(g(`${name}.bias`));
    let x = z.matMul(g("project.weight")).add(g("project.bias"));
    x = x.reshape([count, 128, 4, 4]).transpose([0, 2, 3, 1]);
    x = tf.leakyRelu(this.#norm("generator.norm1", up("up1", x, 8, 64, 2)), slope);
    x = tf.leakyRelu(this.#norm("generator.norm2", up("up2", x, 16, 32, 2)), slope);
    x = this.#norm("generator.norm3", up("up3", x, 28, 1, 4));
    return tf.tanh(x).reshape([count, 28, 28]);
  }

  /** Scaled (N, 28, 28) -> (N, 256). */
  #trunk(scaled: Tensor): Tensor {
    const t = (name: string) => this.#w(`trunk.${name}`);
    const count = scaled.shape[0]!;
    const conv = (name: string, x: Tensor) =>
      tf.leakyRelu(tf.conv1d(x, t(`${name}.weight`), 1, "same").add(t(`${name}.bias`)), slope);
    const x = conv("conv2", conv("conv1", scaled.transpose([0, 2, 1]))); // (N, 28, 64)
    const lstm = (name: string) => t(`lstm.directions.0.${name}`);
    const bias = lstm("inputBias").add(lstm("hiddenBias"));
    const sums = x
      .reshape([count * 28, 64])
      .matMul(lstm("inputHidden"))
      .add(bias)
      .reshape([count, 28, 1024]);
    let state: Tensor = tf.zeros([count, 256]);
    let cell: Tensor = tf.zeros([count, 256]);
    for (const now of tf.unstack(sums, 1)) {
      const [i, f, g, o] = tf.split(now.add(state.matMul(lstm("hiddenHidden"))), 4, 1) as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];
      cell = f.sigmoid().mul(cell).add(i.sigmoid().mul(g.tanh()));
      state = o.sigmoid().mul(cell.tanh());
    }
    return this.#dropout > 0 ? tf.dropout(state, this.#dropout) : state;
  }

  #realLogit(scaled: Tensor): Tensor {
    return this.#trunk(scaled).matMul(this.#w("reality.weight")).add(this.#w("reality.bias"));
  }

  step(phase: Phase, noise: Tensor): Record<string, Tensor> {
    const scaled = images.toFloat().div(127.5).sub(1);
    if (phase === "supervised") {
      const loss = this.#adams.classifier.minimize(
        () => {
          const logits = this.#trunk(scaled).matMul(this.#w("classes.weight")).add(this.#w("classes.bias"));
          return tf.losses.softmaxCrossEntropy(labels, logits);
        },
        true,
        this.#trainable("trunk", "classes"),
      );
      return { supervised: loss! };
    }
    const realness = (logit: Tensor, target: number) =>
      tf.losses.sigmoidCrossEntropy(tf.fill(logit.shape, target), logit);
    const generated = this.#generate(noise);
    const discriminator = this.#adams.discriminator.minimize(
      () => realness(this.#realLogit(scaled), 1).add(realness(this.#realLogit(generated), 0)),
      true,
      this.#trainable("trunk", "reality"),
    );
    // Eager gradients of tensorflow.js start at the function that is differentiated: the images are made again. Their
    // running statistics must not move twice.
    const before = [...this.#weights]
      .filter(([name]) => name.includes("running"))
      .map(([, v]) => [v, v.clone()] as const);
    const generator = this.#adams.generator.minimize(
      () => realness(this.#realLogit(this.#generate(noise)), 1),
      true,
      this.#trainable("generator"),
    );
    for (const [variable, value] of before) variable.assign(value);
    return { discriminator: discriminator!, generator: generator! };
  }
}

const timed = new Learner(workload.dropout);
await serve({
  version: `tensorflow.js ${tf.version_core ?? tf.version["tfjs-core"]}, backend ${tf.getBackend()}`,
  check() {
    const fresh = new Learner(0);
    const losses = { discriminator: [], generator: [], supervised: [] } as Record<string, number[]>;
    for (const phase of PHASES) {
      for (let step = 0; step < workload.checkedSteps; step++) {
        tf.tidy(() => {
          const noise = tf.tensor(noises.slice(step * batch * 100, (step + 1) * batch * 100), [batch, 100]);
          for (const [name, loss] of Object.entries(fresh.step(phase, noise)))
            losses[name]!.push(loss.dataSync()[0]!);
        });
      }
    }
    const { discriminator, generator, supervised } = losses;
    return { discriminator: discriminator!, generator: generator!, supervised: supervised! };
  },
  run(phase, steps) {
    const all = steps ?? Math.ceil(workload.images / batch);
    for (let step = 0; step < all; step++) {
      tf.tidy(() => {
        for (const loss of Object.values(timed.step(phase, tf.randomUniform([batch, 100], -1, 1))))
          loss.dataSync();
      });
    }
  },
});
