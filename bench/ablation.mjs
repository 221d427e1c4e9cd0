#!/usr/bin/env node
// The ablation of CLGAN's phase without labels: the phase as published with one change at a time, then what the trunk is
// worth: the accuracy of a linear classifier on its frozen features, and of a short fine-tuning, from few labels. What did
// not help lives here alone, in plain tensor code; what did is in src/models. Needs `npm run build` and libtorch.
//
//   node bench/ablation.mjs --data FOLDER/iscx12/SessionAllLayers -o results.json [--variants "paper;hinge loss"] [--seeds 1]
//     [--steps 90] [--batch 96] [--fine-tune EPOCHS]     (--list says what there is; --table prints results.json)
//
// Variants that are in results.json already are kept. Products of the LSTM are bfloat16; one thread.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), "dist");
const { Adam, Generator, noGrad, scope, setThreads, Tensor } = await import(
  join(dist, "bindings/torch/index.js")
);
const { createModel } = await import(join(dist, "src/models/registry.js"));
const { TorchBackend } = await import(join(dist, "src/nn/torch-backend.js"));
const { Module } = await import(join(dist, "src/nn/module.js"));
const { Linear } = await import(join(dist, "src/nn/layers/linear.js"));
const { ConvTranspose2d } = await import(join(dist, "src/nn/layers/conv-transpose2d.js"));
const { openDataset } = await import(join(dist, "src/dataset/open.js"));
const { makeSplit } = await import(join(dist, "src/dataset/split.js"));
const { gatherLabels } = await import(join(dist, "src/dataset/dataset.js"));
const { seededRandom } = await import(join(dist, "src/dataset/random.js"));
const { BatchOrder } = await import(join(dist, "src/training/batch-order.js"));
const { fitTables, sessionSums } = await import(join(dist, "src/models/session-factors.js"));
const { fingerprintsOf } = await import(join(dist, "src/models/fingerprint.js"));
const { warmCosine } = await import(join(dist, "src/models/schedules.js"));
const { scheduleFactor } = await import(join(dist, "src/training/schedule.js"));

// As src/models/fingerprinted.ts learns them.
const FINGERPRINT = { fingerprint: true, dropout: 0, pace: 10, beta1: 0.9, cosine: true };

/** Changes to the paper's phase. `game: false` leaves generator and generated images out. */
const VARIANTS = {
  untrained: { steps: 0 },
  paper: {},
  "Adam's first beta 0.9": { beta1: 0.9 },
  "no dropout in the phase": { dropout: 0 },
  "discriminator 5 times as fast": { pace: 5 },
  "generator without its last batch norm": { outputNorm: false },
  "hinge loss": { hinge: true },
  "feature matching": { featureMatching: 1 },
  "mean over time instead of the last state": { meanOverTime: true },
  "gradient penalty on real images": { penalty: 10 },
  "one-sided label smoothing 0.9": { realTarget: 0.9 },
  "reconstruction alone": { game: false, reconstruct: "whole" },
  "reconstruction alone, 5 times as fast": { game: false, reconstruct: "whole", pace: 5 },
  "reconstruction of hidden bytes alone, 5 times as fast": { game: false, reconstruct: "hidden", pace: 5 },
  "contrast alone, 5 times as fast": { game: false, contrast: true, pace: 5 },
  "contrast beside the game, without dropout, 5 times as fast": { contrast: true, dropout: 0, pace: 5 },
  "the same, the game's gradient stopped before the trunk": {
    contrast: true,
    dropout: 0,
    pace: 5,
    stop: true,
  },
  "fingerprints alone, 10 times as fast, on a cosine": { ...FINGERPRINT, game: false },
  "fingerprints beside the game": FINGERPRINT,
  "fingerprints beside a tenth of the game": { ...FINGERPRINT, gameWeight: 0.1 },
};

const { values } = parseArgs({
  options: {
    data: { type: "string" },
    output: { type: "string", short: "o" },
    variants: { type: "string" },
    seeds: { type: "string", default: "1" },
    steps: { type: "string", default: "90" },
    batch: { type: "string", default: "96" },
    "fine-tune": { type: "string", default: "0" },
    list: { type: "boolean" },
    table: { type: "boolean" },
  },
});
if (values.list || values.data === undefined || values.output === undefined) {
  console.log(Object.keys(VARIANTS).join("\n"));
  process.exit(values.list ? 0 : 2);
}
if (values.table) {
  console.log(table(JSON.parse(readFileSync(values.output, "utf8"))));
  process.exit(0);
}
const [steps, batch, fineTuneEpochs] = [values.steps, values.batch, values["fine-tune"]].map(Number);
const POOL = 6000;
const rate = 2e-4;

/** Means over seeds; losses, shares and gradients over the last quarter of the steps. */
function table(all) {
  const names = [...new Set(all.map(({ variant }) => variant))];
  const columns = [
    ["D's loss", (r) => r.end.discriminator, 2],
    ["fingerprint, 1 - cosine", (r) => r.end.fingerprint, 2],
    ["real known, %", (r) => 100 * r.end.realKnown, 0],
    ["generated known, %", (r) => 100 * r.end.generatedKnown, 0],
    ["trunk's gradient", (r) => r.end.trunkGradient, 2],
    ["generator's gradient", (r) => r.end.generatorGradient, 2],
    ["linear, 100 labels", (r) => r.linear100, 1],
    ["linear, 1000 labels", (r) => r.linear1000, 1],
    ["fine-tuned, 1000 labels", (r) => r.fineTuned1000, 1],
    ["processor seconds", (r) => r.processorSeconds, 0],
  ];
  const lines = names.map((name) => {
    const cells = columns.map(([, value, digits]) => {
      const numbers = all
        .filter(({ variant }) => variant === name)
        .map(value)
        .filter(Number.isFinite);
      return numbers.length === 0
        ? ""
        : (numbers.reduce((sum, x) => sum + x, 0) / numbers.length).toFixed(digits);
    });
    return `| ${[name, ...cells].join(" | ")} |`;
  });
  const head = `| change | ${columns.map(([title]) => title).join(" | ")} |`;
  return [head, `|---${"|---".repeat(columns.length)}|`, ...lines].join("\n");
}

setThreads(1);
const dataset = await openDataset(values.data);
const classes = dataset.classes.length;
const images = Tensor.fromBuffer(dataset.images, [dataset.count, 28, 28]).keep();
const gather = (rows) => images.indexSelect(0, Tensor.fromBuffer(Int32Array.from(rows)));
const scaled = (rows) =>
  gather(rows)
    .to({ dtype: "float32" })
    .multiply(2 / 255)
    .add(-1);
const labelsOf = (rows) => BigInt64Array.from(gatherLabels(dataset, rows), BigInt);
const share = (flags) => flags.to({ dtype: "float32" }).mean();

/** Features (N, 256) -> images (N, 28, 28): the generator's deconvolutions without their norms. */
class Decoder extends Module {
  constructor(features) {
    super();
    const [kernel, stride, outputPadding] = [5, 2, 1];
    this.project = new Linear(features, 2048);
    this.up1 = new ConvTranspose2d(128, 64, { kernel, stride, padding: 2, outputPadding });
    this.up2 = new ConvTranspose2d(64, 32, { kernel, stride, padding: 2, outputPadding });
    this.up3 = new ConvTranspose2d(32, 1, { kernel, stride, padding: 4, outputPadding });
  }
  forward(backend, features) {
    let x = this.project.forward(backend, features).leakyRelu(0.2).reshape([-1, 128, 4, 4]);
    x = this.up1.forward(backend, x).leakyRelu(0.2);
    x = this.up2.forward(backend, x).leakyRelu(0.2);
    return this.up3.forward(backend, x).tanh().reshape([-1, 28, 28]);
  }
}

/**
 * Instance discrimination (Chen et al. 2020, SimCLR, section 2.1): embeddings (2N, E), of which rows i and N + i are views of
 * one image -> the cross-entropy of finding the other view by the cosine, at temperature 0.2.
 */
function contrastLoss(embeddings) {
  const rows = embeddings.shape[0];
  const unit = embeddings.divide(embeddings.pow(2).sum([1], true).add(1e-12).sqrt());
  const index = Tensor.arange(rows);
  const itself = index.unsqueeze(1).equal(index.unsqueeze(0)).to({ dtype: "float32" });
  const similarity = unit
    .matmul(unit.permute([1, 0]))
    .divide(0.2)
    .subtract(itself.multiply(1e9));
  const partners = Tensor.concat([index.slice(0, rows / 2, rows), index.slice(0, 0, rows / 2)], 0);
  return similarity.crossEntropy(partners);
}

/** SimCLR's head, its section 4.2: features (N, F) -> embeddings (N, 100). */
class ContrastHead extends Module {
  constructor(features) {
    super();
    this.hidden = new Linear(features, 256);
    this.out = new Linear(256, 100);
  }
  forward(backend, features) {
    return this.out.forward(backend, this.hidden.forward(backend, features).relu());
  }
}

/** A view of scaled images (N, 28, 28): of their 4-byte runs, 30 % are 0, the middle of the scale. */
function hideRuns(images, random) {
  const count = images.shape[0];
  const kept = Tensor.uniform([count, 28, 7, 1], 0, 1, random).less(0.7).to({ dtype: "float32" });
  return images.multiply(kept.expand([count, 28, 7, 4]).reshape([count, 28, 28]));
}

/** Factors of the rows' sessions, (rows, 256), each row of length 1. */
async function fingerprints(rows, seed) {
  const own = scope(() => gather(rows).toTypedArray());
  const all = Uint32Array.from(rows.keys());
  const tables = await fitTables(own, all, { dimensions: 128, seed, threads: 1 });
  const factors = fingerprintsOf(await sessionSums(own, [tables], { dimensions: 128, threads: 1 }));
  return Tensor.copyOf(factors, [rows.length, 256]).keep();
}

async function measure(variant, seed) {
  const { beta1 = 0.5, dropout = 0.5, pace = 1, game = true, realTarget = 1, gameWeight = 1 } = variant;
  const split = makeSplit(dataset, { labels: 1000, unlabeled: POOL, seed });
  const few = makeSplit(dataset, { labels: 100, unlabeled: 0, seed });
  const options = { outputNorm: variant.outputNorm ?? true };
  const { root } = createModel("clgan", options, { classes, seed });
  const random = new Generator("cpu", seed);
  const backend = new TorchBackend(random, { precision: "bfloat16" });
  const { trunk, generator, reality } = root;
  const heads = [new Decoder(256), new ContrastHead(256), new Linear(256, 256)];
  const [decoder, head, teller] = heads.map((module) => module.initialize(seed + 7));
  for (const module of [root, ...heads]) backend.adopt(module);
  backend.training = true;

  const features = (x) => {
    let y = trunk.conv1.forward(backend, x).leakyRelu(0.2);
    y = trunk.conv2.forward(backend, y).leakyRelu(0.2);
    const states = trunk.lstm.forward(backend, y.permute([0, 2, 1]));
    return variant.meanOverTime ? states.mean([1]) : states.select(1, -1);
  };
  const dropped = (f) => (dropout > 0 ? f.dropout(dropout, random) : f);
  const judge = (f) => reality.forward(backend, dropped(f));
  const entropy = (logits, target) => logits.bceWithLogits(Tensor.full(logits.shape, target));

  const discriminator = [trunk, reality, ...heads].flatMap((module) => module.parameters());
  const adam = (parameters, learningRate) =>
    new Adam(backend.tensors(parameters), { learningRate, betas: [beta1, 0.999] });
  const adamD = adam(discriminator, rate * pace);
  const adamG = adam(generator.parameters(), rate);
  const norm = (module) =>
    Math.sqrt(
      backend.tensors(module.parameters()).reduce((sum, p) => sum + (p.grad()?.pow(2).sum().item() ?? 0), 0),
    );

  const pool = Uint32Array.of(...split.labelled, ...split.unlabelled);
  const places = new Map([...pool].map((row, place) => [row, place]));
  const order = new BatchOrder(pool, seededRandom(seed, 100));
  const targets = variant.fingerprint ? await fingerprints(pool, seed) : undefined;
  const last = []; // what the last quarter of the steps recorded
  const started = process.cpuUsage();
  const count = variant.steps ?? steps;
  for (let step = 0; step < count; step++) {
    scope(() => {
      const rows = order.next(batch);
      const real = scaled(rows);
      if (variant.cosine) adamD.setLearningRate(rate * pace * scheduleFactor(warmCosine, step, count));
      const seen = {};
      let loss = Tensor.full([], 0);
      let generated;
      if (game) {
        generated = generator.forward(backend, Tensor.uniform([batch, 100], -1, 1, random));
        const both = features(Tensor.concat([real, generated.detach()], 0));
        const logits = judge(variant.stop ? both.detach() : both);
        const [onReal, onGenerated] = [logits.slice(0, 0, batch), logits.slice(0, batch, 2 * batch)];
        const game = variant.hinge
          ? onReal.negate().add(1).relu().mean().add(onGenerated.add(1).relu().mean())
          : entropy(onReal, realTarget).add(entropy(onGenerated, 0));
        loss = loss.add(game.multiply(gameWeight));
        seen.discriminator = game.item();
        seen.realKnown = share(onReal.greater(0)).item();
        seen.generatedKnown = share(onGenerated.less(0)).item();
        if (variant.penalty) {
          // The slope along a random direction stands for the gradient (R1, Mescheder et al. 2018), without a second
          // derivative.
          const [width, direction] = [0.05, Tensor.normal(real.shape, 0, 1, random)];
          const here = reality.forward(backend, both.slice(0, 0, batch));
          const there = reality.forward(backend, features(real.add(direction.multiply(width))));
          loss = loss.add(
            there
              .subtract(here)
              .divide(width)
              .pow(2)
              .mean()
              .multiply(variant.penalty / 2),
          );
        }
      }
      if (variant.reconstruct) {
        const input = variant.reconstruct === "hidden" ? hideRuns(real, random) : real;
        const error = decoder.forward(backend, features(input)).l1(real);
        loss = loss.add(error);
        seen.reconstruction = error.item();
      }
      if (variant.contrast) {
        const views = Tensor.concat([hideRuns(real, random), hideRuns(real, random)], 0);
        const contrast = contrastLoss(head.forward(backend, features(views)));
        loss = loss.add(contrast);
        seen.contrast = contrast.item();
      }
      if (targets) {
        const told = backend.normalize(teller.forward(backend, features(real)));
        const own = targets.indexSelect(
          0,
          Tensor.fromBuffer(Int32Array.from(rows, (row) => places.get(row))),
        );
        const apart = told.multiply(own).sum([1]).mean().multiply(-1).add(1);
        loss = loss.add(apart);
        seen.fingerprint = apart.item();
      }
      adamD.zeroGrad();
      loss.backward();
      seen.trunkGradient = norm(trunk);
      adamD.step();
      if (game) {
        backend.frozen(discriminator, () => {
          const f = features(generated);
          const logits = judge(f);
          let loss = variant.hinge ? logits.mean().negate() : entropy(logits, 1);
          seen.generator = loss.item();
          if (variant.featureMatching) {
            const apart = f.mean([0]).subtract(noGrad(() => features(real)).mean([0]));
            loss = loss.add(apart.pow(2).sum().multiply(variant.featureMatching));
          }
          adamG.zeroGrad();
          loss.backward();
        });
        seen.generatorGradient = norm(generator);
        adamG.step();
      }
      if (step >= (3 * count) / 4) last.push(seen);
    });
  }
  const spent = process.cpuUsage(started);

  const testLabels = gatherLabels(dataset, split.test);
  const accuracy = (predicted) =>
    (100 * testLabels.filter((label, i) => label === Number(predicted[i])).length) / testLabels.length;
  const frozen = (rows) => {
    const values = new Float32Array(rows.length * 256);
    for (let i = 0; i < rows.length; i += 512) {
      const part = scope(() => noGrad(() => features(scaled(rows.slice(i, i + 512)))).toFloat32Array());
      values.set(part, i * 256);
    }
    return Tensor.fromBuffer(values, [rows.length, 256]);
  };
  const linear = (rows) =>
    scope(() => {
      const [train, test] = [frozen(rows), frozen(split.test)];
      const mean = train.mean([0], true);
      const deviation = train.subtract(mean).pow(2).mean([0], true).sqrt().add(1e-4);
      const normal = (x) => x.subtract(mean).divide(deviation);
      const [x, labels] = [normal(train), Tensor.fromBuffer(labelsOf(rows))];
      const weight = Tensor.zeros([classes, 256]).setRequiresGrad(true);
      const bias = Tensor.zeros([classes]).setRequiresGrad(true);
      const optimizer = new Adam([weight, bias], { learningRate: 0.02 });
      for (let i = 0; i < 200; i++) {
        scope(() => {
          optimizer.zeroGrad();
          x.linear(weight, bias).crossEntropy(labels).add(weight.pow(2).sum().multiply(1e-3)).backward();
          optimizer.step();
        });
      }
      return accuracy(normal(test).linear(weight, bias).argmax(1).toTypedArray());
    });
  const fineTuned = (rows, epochs) => {
    const parameters = [...trunk.parameters(), ...root.classes.parameters()];
    const optimizer = new Adam(backend.tensors(parameters), { learningRate: rate });
    const size = Math.min(256, Math.max(32, Math.floor(rows.length / 8)));
    const batches = new BatchOrder(rows, seededRandom(seed, 102));
    for (let step = 0; step < 10 * epochs; step++) {
      scope(() => {
        const part = batches.next(size);
        optimizer.zeroGrad();
        const logits = root.classes.forward(backend, features(scaled(part)).dropout(0.5, random));
        logits.crossEntropy(Tensor.fromBuffer(labelsOf(part))).backward();
        optimizer.step();
      });
    }
    return scope(() =>
      accuracy(
        noGrad(() => root.classes.forward(backend, frozen(split.test)))
          .argmax(1)
          .toTypedArray(),
      ),
    );
  };
  const keys = Object.keys(last[0] ?? {});
  const result = {
    end: Object.fromEntries(
      keys.map((key) => [key, last.reduce((sum, seen) => sum + seen[key], 0) / last.length]),
    ),
    processorSeconds: (spent.user + spent.system) / 1e6,
    linear100: linear(few.labelled),
    linear1000: linear(split.labelled),
    ...(fineTuneEpochs > 0 && { fineTuned1000: fineTuned(split.labelled, fineTuneEpochs) }),
  };
  for (const module of [root, ...heads]) backend.release(module);
  targets?.dispose();
  return result;
}

const results = existsSync(values.output) ? JSON.parse(readFileSync(values.output, "utf8")) : [];
for (let seed = 1; seed <= Number(values.seeds); seed++) {
  for (const name of values.variants?.split(";") ?? Object.keys(VARIANTS)) {
    const about = { variant: name, seed, steps: VARIANTS[name].steps ?? steps, batch, fineTuneEpochs };
    const same = (result) => Object.entries(about).every(([key, value]) => result[key] === value);
    if (results.some(same)) continue;
    const result = { ...about, ...(await measure(VARIANTS[name], seed)) };
    results.push(result);
    writeFileSync(values.output, `${JSON.stringify(results, null, 2)}\n`);
    console.log(JSON.stringify(result));
  }
}
