// Bytewise's phase without labels: fingerprints told from sessions of which bytes are hidden, so that the trunk learns to
// see them through gaps. The tables that the factors come from are the model's own, which its classifier uses too.

import type { WordTable } from "../../bindings/capture/words.ts";
import { Tensor } from "../../bindings/torch/index.ts";
import { replaceBytes, replaceWhere } from "../nn/byte-noise.ts";
import { type Bytewise, hiddenSymbol } from "./bytewise.ts";
import { factorsOfKind, fingerprintPhase, fingerprintsOf } from "./fingerprint.ts";
import { imageSide, type PrepareTools, type TrainingPhase } from "./model.ts";
import { warmCosine } from "./schedules.ts";
import { fitTables, sessionSums } from "./session-factors.ts";
import { averageDecay, clipNorm, hiddenShare, isMatrix, weightDecay } from "./tuning.ts";

const imageBytes = imageSide * imageSide;
// Besides single bytes, runs of 4, one in ten, are hidden: a header field takes 1 to 4 bytes.
const run = 4;
const hiddenRuns = 0.1;
// However many sessions there are, time is bounded: 8 epochs of 8,000 sessions see 64,000.
const maxEpochSteps = 125;
// Slower than the tuning, which gains by 3e-3 (1000 labels of ISCX: 95.6 % at 2e-3, 96.6 at 3e-3).
const pace = 2 / 3;

export function bytewiseFingerprintPhase(model: Bytewise, learningRate: number): TrainingPhase {
  return fingerprintPhase({
    maxEpochSteps,
    average: { decay: averageDecay },
    optimizer: {
      parameters: [...model.trunk.parameters(), ...model.fingerprint.parameters()],
      learningRate: learningRate * pace,
      betas: [0.9, 0.999],
      weightDecay,
      decays: isMatrix,
      clipNorm,
      schedule: warmCosine,
    },
    targets: (tools) => modelFactors(model, tools),
    tell({ backend, random }, images) {
      const bytes = images.reshape([-1, imageBytes]);
      const runs = Tensor.bernoulli([bytes.shape[0]!, imageBytes / run, 1], hiddenRuns, random)
        .expand([bytes.shape[0]!, imageBytes / run, run])
        .reshape([-1, imageBytes]);
      const hidden = replaceWhere(replaceBytes(bytes, hiddenShare, hiddenSymbol, random), runs, hiddenSymbol);
      return model.fingerprint.forward(backend, model.trunk.forward(backend, hidden));
    },
  });
}

/** float32 [images, 256], rows of length 1; the tables that they come from are fitted first, or, resumed, the model's. */
async function modelFactors(
  { pairs, places }: Bytewise,
  { images, seed, threads, signal, resumed }: PrepareTools,
): Promise<Float32Array> {
  const options = { dimensions: factorsOfKind, threads, signal };
  if (!resumed) {
    const rows = Uint32Array.from({ length: images.length / imageBytes }, (_, row) => row);
    const fitted = await fitTables(images, rows, { ...options, seed });
    pairs.assign(spread(fitted.pairs, pairs.elements));
    places.assign(spread(fitted.places, places.elements));
  }
  const tables = { pairs: gathered(pairs.values()), places: gathered(places.values()) };
  return fingerprintsOf(await sessionSums(images, [tables], options));
}

/** Each word's vector at its place, as a network's weights: float32 [words, factorsOfKind]. */
function spread({ words, vectors }: WordTable, elements: number): Float32Array {
  const weights = new Float32Array(elements);
  for (const [row, word] of words.entries()) {
    const own = vectors.subarray(row * factorsOfKind, (row + 1) * factorsOfKind);
    weights.set(own, word * factorsOfKind);
  }
  return weights;
}

const gathered = (weights: Float32Array): WordTable => ({
  words: Int32Array.from({ length: weights.length / factorsOfKind }, (_, word) => word),
  vectors: weights,
});
