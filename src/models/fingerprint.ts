// The phase that teaches a trunk fingerprints of sessions, without labels: from a session's bytes it learns to tell the
// session's factors (session-factors.ts). What words have in common over many sessions is what their captures, hosts and
// applications have in common. A network that only tells real from generated may forget all of it; one that tells factors
// may not (docs/adversarial.md).

import { invalidArgument } from "../../bindings/errors.ts";
import { scope, Tensor } from "../../bindings/torch/index.ts";
import {
  imageSide,
  type PhaseOptimizer,
  type PrepareTools,
  type StepTools,
  type TrainingPhase,
  type WeightAverageOptions,
} from "./model.ts";
import { fitTables, sessionSums, unitFactors } from "./session-factors.ts";

const imageBytes = imageSide * imageSide;
/** Factors of a session of each kind: of its byte pairs, and of its first bytes. */
export const factorsOfKind = 128;
/** What a trunk is taught to tell. */
export const fingerprintSize = 2 * factorsOfKind;

// However many sessions there are, memory is bounded.
const maxImages = 65_536;

export interface FingerprintOptions extends Pick<TrainingPhase, "minEpochFactor" | "maxEpochSteps"> {
  readonly optimizer: PhaseOptimizer;
  readonly average?: WeightAverageOptions;
  /** Images uint8 (N, 28, 28) -> the factors that the trunk makes of them, (N, 256), of any length. */
  tell(tools: StepTools, images: Tensor): Tensor;
  /** Of the images that the phase will see, float32 [rows, 256], rows of length 1; where it is left out, `sessionFactors`. */
  targets?(tools: PrepareTools): Promise<Float32Array>;
}

export function fingerprintPhase({
  optimizer,
  tell,
  targets: targetsOf = sessionFactors,
  ...bounds
}: FingerprintOptions): TrainingPhase {
  let targets: Tensor | undefined; // (rows, 256), rows of length 1
  return {
    name: "fingerprint",
    data: "all",
    maxImages,
    supervised: false,
    ...bounds,
    optimizers: { trunk: optimizer },
    async prepare(tools) {
      const factors = await targetsOf(tools);
      targets = scope(() =>
        Tensor.copyOf(factors, [factors.length / fingerprintSize, fingerprintSize]).to({
          device: tools.backend.device,
        }),
      ).keep();
    },
    release() {
      targets?.dispose();
      targets = undefined;
    },
    step(tools, { images, places }) {
      if (targets === undefined || places === undefined) {
        throw invalidArgument(
          "places",
          "the places of the images in what the phase was prepared for",
          places,
        );
      }
      const told = tools.backend.normalize(tell(tools, images));
      // 1 - cosine: both sides are of length 1.
      const loss = told.multiply(targets.indexSelect(0, places)).sum([1]).mean().multiply(-1).add(1);
      tools.minimize("trunk", loss);
      return { fingerprintLoss: loss.detach() };
    },
  };
}

/** The images' own factors: their words analysed, and both kinds scaled so that a row's length is 1. */
async function sessionFactors({ images, seed, threads, signal }: PrepareTools): Promise<Float32Array> {
  const rows = Uint32Array.from({ length: images.length / imageBytes }, (_, row) => row);
  const options = { dimensions: factorsOfKind, threads, signal };
  const tables = await fitTables(images, rows, { ...options, seed });
  return fingerprintsOf(await sessionSums(images, [tables], options));
}

/** Sums of both kinds float32 [rows, 256] -> rows of length 1, or shorter where a session has no known word of a kind. */
export function fingerprintsOf(sums: Float32Array): Float32Array {
  return unitFactors(sums, factorsOfKind).map((factor) => factor * Math.SQRT1_2);
}
