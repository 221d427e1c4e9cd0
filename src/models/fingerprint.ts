// The phase that teaches a trunk fingerprints of sessions, without labels: from a session with hidden bytes it tells the
// factors of all its bytes (session-factors.ts). What words have in common over many sessions is what their captures, hosts
// and applications have in common; the trunk learns to see it through gaps, which is what makes its features useful.

import type { WordTable } from "../../bindings/capture/words.ts";
import { invalidArgument } from "../../bindings/errors.ts";
import { scope, Tensor } from "../../bindings/torch/index.ts";
import { replaceBytes, replaceWhere } from "../nn/byte-noise.ts";
import { type Bytewise, hiddenSymbol } from "./bytewise.ts";
import { imageSide, type PrepareTools, type TrainingPhase } from "./model.ts";
import { warmCosine } from "./schedules.ts";
import { fitTables, sessionSums, unitFactors } from "./session-factors.ts";
import { averageDecay, clipNorm, hiddenShare, isMatrix, weightDecay } from "./tuning.ts";

const imageBytes = imageSide * imageSide;
// Besides single bytes, runs of 4, one in ten, are hidden: a header field takes 1 to 4 bytes.
const run = 4;
const hiddenRuns = 0.1;
// However many sessions there are, time is bounded: 8 epochs of 8,000 sessions see 64,000.
const maxImages = 65_536;
const maxEpochSteps = 125;
// Slower than the tuning, which gains by 3e-3 (1000 labels of ISCX: 95.6 % at 2e-3, 96.6 at 3e-3).
const pace = 2 / 3;

export function fingerprintPhase(model: Bytewise, learningRate: number): TrainingPhase {
  let targets: Tensor | undefined; // (pool, 256), rows of length 1
  return {
    name: "fingerprint",
    data: "all",
    maxImages,
    maxEpochSteps,
    supervised: false,
    average: { decay: averageDecay },
    optimizers: {
      trunk: {
        parameters: [...model.trunk.parameters(), ...model.fingerprint.parameters()],
        learningRate: learningRate * pace,
        betas: [0.9, 0.999],
        weightDecay,
        decays: isMatrix,
        clipNorm,
        schedule: warmCosine,
      },
    },
    async prepare(tools) {
      const factors = await preparedFactors(model, tools);
      const width = model.fingerprint.bias.elements;
      targets = scope(() =>
        Tensor.copyOf(factors, [factors.length / width, width]).to({ device: tools.backend.device }),
      ).keep();
    },
    release() {
      targets?.dispose();
      targets = undefined;
    },
    step({ backend, random, minimize }, { images, places }) {
      if (targets === undefined || places === undefined) {
        throw invalidArgument(
          "places",
          "the places of the images in what the phase was prepared for",
          places,
        );
      }
      const bytes = images.reshape([-1, imageBytes]);
      const runs = Tensor.bernoulli([bytes.shape[0]!, imageBytes / run, 1], hiddenRuns, random)
        .expand([bytes.shape[0]!, imageBytes / run, run])
        .reshape([-1, imageBytes]);
      const hidden = replaceWhere(replaceBytes(bytes, hiddenShare, hiddenSymbol, random), runs, hiddenSymbol);
      const told = backend.normalize(
        model.fingerprint.forward(backend, model.trunk.forward(backend, hidden)),
      );
      // 1 - cosine: both sides are of length 1.
      const loss = told.multiply(targets.indexSelect(0, places)).sum([1]).mean().multiply(-1).add(1);
      minimize("trunk", loss);
      return { fingerprintLoss: loss.detach() };
    },
  };
}

/** float32 [images, 256], rows of length 1; the tables that they come from are fitted first, or, resumed, the model's. */
async function preparedFactors(
  { pairs, places }: Bytewise,
  { images, seed, threads, signal, resumed }: PrepareTools,
): Promise<Float32Array> {
  const dimensions = pairs.shape[1]!;
  if (!resumed) {
    const rows = Uint32Array.from({ length: images.length / imageBytes }, (_, row) => row);
    const fitted = await fitTables(images, rows, { dimensions, seed, threads, signal });
    pairs.assign(spread(fitted.pairs, pairs.elements));
    places.assign(spread(fitted.places, places.elements));
  }
  const tables = {
    pairs: gathered(pairs.values(), dimensions),
    places: gathered(places.values(), dimensions),
  };
  const sums = await sessionSums(images, [tables], { dimensions, threads, signal });
  return unitFactors(sums, dimensions).map((factor) => factor * Math.SQRT1_2);
}

/** Each word's vector at its place, as a network's weights: float32 [words, dimensions]. */
function spread({ words, vectors }: WordTable, elements: number): Float32Array {
  const dimensions = vectors.length / Math.max(1, words.length);
  const weights = new Float32Array(elements);
  for (const [row, word] of words.entries())
    weights.set(vectors.subarray(row * dimensions, (row + 1) * dimensions), word * dimensions);
  return weights;
}

const gathered = (weights: Float32Array, dimensions: number): WordTable => ({
  words: Int32Array.from({ length: weights.length / dimensions }, (_, word) => word),
  vectors: weights,
});
