// A trunk by the stable recipe: it learns fingerprints of sessions without labels, then a linear classifier is fitted on
// its features, and both are tuned on the labels. No generator: the game that the paper plays gives a classifier nothing,
// and beside the fingerprints it costs most of what they give (docs/adversarial.md).

import type { Backend } from "../nn/backend.ts";
import { Linear } from "../nn/layers/linear.ts";
import type { Parameter } from "../nn/parameter.ts";
import { fingerprintPhase, fingerprintSize } from "./fingerprint.ts";
import { startClassifier } from "./linear-start.ts";
import type { TrainableModel, TrainingPhase } from "./model.ts";
import { scaleBytes } from "./scaling.ts";
import { warmCosine } from "./schedules.ts";
import { supervisedPhase } from "./supervised.ts";
import { type DiscriminatorTrunk, TrunkClassifier } from "./trunk-classifier.ts";

// How much faster than the paper's 2e-4 a trunk learns fingerprints: 1e-3, 2e-3 and 3e-3 were tried.
const pace = 10;
// However many sessions there are, the trunk needs about a thousand steps (docs/adversarial.md): with the default
// `minEpochSteps` of 10 an epoch has 130.
const minEpochFactor = 13;
const maxEpochSteps = 130;
// The tuning starts from a classifier that is right about nearly all of the labels, so the fewer there are, the less it may
// move: a rate of 1e-3 takes 9 points from 100 labels of USTC. No early stop, as few labels cannot tell when: the epoch that
// they chose was 2 points behind the start. No dropout: the start was fitted without, and its loss would be 6.
const tuningPace = 5;
const fullRateImages = 100_000;
// With the default of 200 epochs, 4,000 steps: however many labels there are, time is bounded.
const maxTuningSteps = 20;

class Fingerprinted extends TrunkClassifier {
  readonly fingerprint: Linear;

  constructor(classes: number, trunk: DiscriminatorTrunk) {
    super(classes, trunk);
    this.fingerprint = new Linear(trunk.features, fingerprintSize);
  }
}

export interface FingerprintedRequest {
  readonly classes: number;
  readonly seed: number;
  readonly learningRate: number;
  readonly trunk: DiscriminatorTrunk;
  /** Scaled images -> (N, features): the trunk without its dropout, where it has some. */
  features?<T>(backend: Backend<T, Parameter>, images: T): T;
}

export function fingerprintedModel({
  classes,
  seed,
  learningRate,
  trunk,
  features = (backend, images) => trunk.forward(backend, images),
}: FingerprintedRequest): TrainableModel {
  const root = new Fingerprinted(classes, trunk).initialize(seed);
  return {
    root,
    classes,
    logits: (backend, images) => root.logits(backend, images),
    phases: [
      fingerprintPhase({
        minEpochFactor,
        maxEpochSteps,
        optimizer: {
          parameters: [...trunk.parameters(), ...root.fingerprint.parameters()],
          learningRate: learningRate * pace,
          betas: [0.9, 0.999],
          schedule: warmCosine,
        },
        tell: ({ backend }, images) =>
          root.fingerprint.forward(backend, features(backend, scaleBytes(backend, images))),
      }),
      tuningPhase(root, learningRate * tuningPace, features),
    ],
  };
}

function tuningPhase(
  root: Fingerprinted,
  learningRate: number,
  features: NonNullable<FingerprintedRequest["features"]>,
): TrainingPhase {
  const { trunk, classes } = root;
  const supervised = supervisedPhase({
    parameters: [...trunk.parameters(), ...classes.parameters()],
    learningRate,
    logits: (backend, images) => classes.forward(backend, features(backend, scaleBytes(backend, images))),
  });
  return {
    ...supervised,
    keep: "last",
    maxEpochSteps: maxTuningSteps,
    optimizers: {
      classifier: { ...supervised.optimizers.classifier!, fullRateImages, schedule: warmCosine },
    },
    async prepare(tools) {
      if (tools.resumed) return; // it has its classifier already
      const { backend } = tools;
      await startClassifier(classes, tools, (images) => trunk.forward(backend, scaleBytes(backend, images)));
    },
  };
}
