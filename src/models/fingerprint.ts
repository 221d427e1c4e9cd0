// The phase that teaches a trunk fingerprints of sessions, without labels: from a session with hidden bytes it tells the
// factors of all its bytes. Factors are latent semantic analyses of two kinds of words: adjacent byte pairs wherever they
// stand, and bytes where they stand. What such words have in common over many sessions is what their captures, hosts and
// applications have in common; the trunk learns to see it through gaps, which is what makes its features useful.

import { fitPairTable, MAX_FIT_SESSIONS, pairFactors } from "../../bindings/capture/pairs.ts";
import { invalidArgument } from "../../bindings/errors.ts";
import { scope, Tensor } from "../../bindings/torch/index.ts";
import { replaceBytes, replaceWhere } from "../nn/byte-noise.ts";
import { type Bytewise, hiddenSymbol } from "./bytewise.ts";
import { imageSide, type PrepareTools, type TrainingPhase } from "./model.ts";
import { warmCosine } from "./schedules.ts";
import { averageDecay, clipNorm, hiddenShare, weightDecay } from "./tuning.ts";

const imageBytes = imageSide * imageSide;
// Besides single bytes, runs of 4, one in ten, are hidden: a header field takes 1 to 4 bytes.
const run = 4;
const hiddenRuns = 0.1;
// Slower than the tuning, which gains by 3e-3 (1000 labels of ISCX: 95.6 % at 2e-3, 96.6 at 3e-3).
const pace = 2 / 3;

export function fingerprintPhase(model: Bytewise, learningRate: number): TrainingPhase {
  let targets: Tensor | undefined; // (pool, 256), rows of length 1
  return {
    name: "fingerprint",
    data: "all",
    supervised: false,
    average: { decay: averageDecay },
    optimizers: {
      trunk: {
        parameters: [...model.trunk.parameters(), ...model.fingerprint.parameters()],
        learningRate: learningRate * pace,
        betas: [0.9, 0.999],
        weightDecay,
        decays: ({ path, shape }) =>
          shape.length > 1 && path.endsWith("weight") && !path.includes("embedding."),
        clipNorm,
        schedule: warmCosine,
      },
    },
    async prepare(tools) {
      if (!tools.resumed) model.pairs.assign(await fitTable(model, tools.images, tools.seed, tools));
      const factors = await sessionFactors(model, tools);
      const width = 2 * dimensions(model);
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

const dimensions = (model: Bytewise) => model.pairs.shape[1]!;

/** float32 [65536, D], from at most as many sessions as the analysis takes, evenly chosen. */
function fitTable(
  model: Bytewise,
  images: Uint8Array,
  seed: number,
  { threads, signal }: Pick<PrepareTools, "threads" | "signal">,
): Promise<Float32Array> {
  const count = images.length / imageBytes;
  const taken = Math.min(count, MAX_FIT_SESSIONS);
  const rows = Uint32Array.from({ length: taken }, (_, i) => Math.floor((i * count) / taken));
  return fitPairTable(images, rows, { dimensions: dimensions(model), seed, threads, signal });
}

/** float32 [images, 2 D]: the factors of each session's byte pairs and of its bytes by position, together of length 1. */
async function sessionFactors(model: Bytewise, tools: PrepareTools): Promise<Float32Array> {
  const { images, seed } = tools;
  const size = dimensions(model);
  const positioned = bytesWithPositions(images);
  const table = await fitTable(model, positioned, seed + 1, tools);
  const byPosition = await pairFactors(positioned, table, tools);
  const byPair = await pairFactors(images, model.pairs.values(), tools);
  const factors = new Float32Array(2 * byPair.length);
  for (let at = 0; at < byPair.length; at += size) {
    factors.set(byPair.subarray(at, at + size), 2 * at);
    factors.set(byPosition.subarray(at, at + size), 2 * at + size);
  }
  for (let i = 0; i < factors.length; i++) factors[i]! *= Math.SQRT1_2;
  return factors;
}

/**
 * The first 256 bytes of each image with their positions between them (0, first byte, 1, second byte, ...), so that its
 * adjacent pairs are bytes with the position before or after: the same analysis then reads where bytes stand. Padding
 * stays padding.
 */
export function bytesWithPositions(images: Uint8Array): Uint8Array {
  const result = new Uint8Array(images.length);
  for (let start = 0; start < images.length; start += imageBytes) {
    let used = imageBytes;
    while (used > 0 && images[start + used - 1] === 0) used--;
    for (let position = 0; position < Math.min(used, 256); position++) {
      result[start + 2 * position] = position;
      result[start + 2 * position + 1] = images[start + position]!;
    }
  }
  return result;
}
