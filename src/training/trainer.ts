// The training loop. It knows no model: phases say which images a step wants and what it does with them. Everything that a
// step depends on is in the checkpoint, and saving reads it without changing it; so when a run is stopped and resumed, and
// how often it is saved, cannot be seen in its weights.
import { FlowglyphError } from "../../bindings/errors.ts";
import { type Generator, noGrad, scope, Tensor } from "../../bindings/torch/index.ts";
import { gatherImages, gatherLabels } from "../dataset/dataset.ts";
import { seededRandom } from "../dataset/random.ts";
import type { Dataset, Split } from "../dataset/types.ts";
import type { PhaseBatch, StepTools, TrainableModel, TrainingPhase } from "../models/model.ts";
import type { StateDict } from "../nn/module.ts";
import type { TorchBackend } from "../nn/torch-backend.ts";
import { BatchOrder } from "./batch-order.ts";
import type { Checkpoint, Position } from "./checkpoint.ts";
import type { TrainingConfig } from "./config.ts";
import {
  type BestEpoch,
  isBetter,
  isExhausted,
  type ValidationScore,
  validationScore,
} from "./early-stop.ts";
import { type EpochRecord, epochRecord, meanLoss } from "./history.ts";
import { keptWeights, PhaseOptimizers, trainedParameters } from "./phase-optimizers.ts";
import { type PhasePlan, planPhase } from "./phase-plan.ts";
import { gatherBatch, predictProbabilities, yieldToEventLoop } from "./predict.ts";
import { WeightAverage } from "./weight-average.ts";

export interface TrainingProgress {
  readonly phase: string;
  /** From 0. */
  readonly phaseIndex: number;
  readonly phases: number;
  /** From 1. */
  readonly epoch: number;
  /** Of this phase; early stopping may end it sooner. */
  readonly epochs: number;
  /** Steps of this epoch that are done. */
  readonly step: number;
  readonly steps: number;
  /** Mean over the epoch so far; of a phase with several losses, their sum. Undefined where a model is fitted. */
  readonly loss: number | undefined;
  /** After the last validated epoch of this phase. */
  readonly validationAccuracy: number | undefined;
  /** To the end of this phase, if it does not stop early. */
  readonly secondsLeft: number;
}

export interface TrainerSetup {
  readonly model: TrainableModel;
  /** The model is adopted. */
  readonly backend: TorchBackend;
  /** On the backend's device; the one generator of all steps. */
  readonly random: Generator;
  readonly dataset: Dataset;
  readonly split: Split;
  readonly config: TrainingConfig;
  readonly fingerprint: string;
  readonly save: (checkpoint: Checkpoint) => Promise<void>;
  /** Called once, between the last phase without labels and the first with them, where epochs of the former ran. */
  readonly onPretrained?: () => Promise<void>;
  /** Phases without labels that were run elsewhere, whose weights the model holds: they are left out. */
  readonly pretrained?: boolean;
  readonly onEpoch: (record: EpochRecord) => Promise<void>;
  readonly onProgress: (progress: TrainingProgress) => void;
  readonly signal: AbortSignal | undefined;
}

// Streams of the seed: those below are the dataset's.
const FIRST_ORDER_STREAM = 100;
// How often progress is told: more often than eyes follow would only cost.
const PROGRESS_MS = 100;

/** What lives as long as one phase. */
interface PhaseState {
  readonly index: number;
  readonly phase: TrainingPhase;
  readonly plan: PhasePlan;
  readonly places: ReadonlyMap<number, number> | undefined;
  readonly keeps: "best" | "last";
  readonly optimizers: PhaseOptimizers;
  readonly average: WeightAverage | undefined;
  readonly order: BatchOrder;
  readonly unlabelledOrder: BatchOrder | undefined;
  epoch: number;
  step: number;
  /** Sums of the epoch's recorded scalars, on the device: reading one waits for it. */
  sums: Map<string, Tensor>;
  seconds: number;
  best: BestEpoch | undefined;
  bestWeights: StateDict | undefined;
}

export class Trainer {
  readonly #setup: TrainerSetup;
  readonly #images: Tensor;
  readonly #history: EpochRecord[] = [];
  #lastSave = performance.now();

  constructor(setup: TrainerSetup) {
    this.#setup = setup;
    this.#images = Tensor.fromBuffer(setup.dataset.images, [setup.dataset.count, 28, 28]).keep();
  }

  get history(): readonly EpochRecord[] {
    return this.#history;
  }

  /** uint8 (N, 28, 28) on the CPU: the dataset's own memory. */
  get images(): Tensor {
    return this.#images;
  }

  /** Runs all phases from the start or from `checkpoint`. ERR_ABORTED, after a checkpoint, where the signal says so. */
  async run(checkpoint: Checkpoint | undefined): Promise<void> {
    const { model, random, pretrained } = this.#setup;
    if (checkpoint !== undefined) {
      model.root.loadStateDict(checkpoint.weights);
      random.setState(checkpoint.random);
      this.#history.push(...checkpoint.history);
    }
    const first = checkpoint?.phaseIndex ?? (pretrained ? firstLabelledPhase(model) : 0);
    for (let index = first; index < model.phases.length; index++) {
      await this.#runPhase(index, index === first ? checkpoint : undefined);
    }
  }

  dispose(): void {
    this.#images.dispose();
  }

  async #runPhase(index: number, checkpoint: Checkpoint | undefined): Promise<void> {
    // Before the optimizers and averages are made: they start from what it leaves.
    const places = await this.#prepare(index, checkpoint);
    const state = this.#enterPhase(index, places, checkpoint);
    try {
      if (checkpoint === undefined) await this.#save(state);
      while (state.epoch <= state.plan.epochs) {
        await this.#runEpoch(state);
        const patience = state.keeps === "best" ? this.#setup.config.patience : 0;
        if (isExhausted(state.epoch - 1, state.best, patience)) break;
        // The last epoch's checkpoint is that of the next phase.
        if (state.epoch <= state.plan.epochs) await this.#save(state);
      }
      this.#setup.model.root.loadStateDict(state.bestWeights ?? this.#weights(state));
      if (index + 1 === firstLabelledPhase(this.#setup.model) && this.#history.length > 0) {
        await this.#setup.onPretrained?.();
      }
      await this.#save(undefined, index + 1);
    } finally {
      for (const sum of state.sums.values()) sum.dispose();
      state.average?.dispose();
      state.phase.release?.();
    }
  }

  /** @returns Of each row that the phase will see, its place among those that it was prepared for. */
  async #prepare(
    index: number,
    checkpoint: Checkpoint | undefined,
  ): Promise<ReadonlyMap<number, number> | undefined> {
    const { model, backend, dataset, split, config, signal } = this.#setup;
    const phase = model.phases[index]!;
    if (phase.prepare === undefined) return undefined;
    const { rows } = planPhase(phase, split, config);
    await phase.prepare({
      backend,
      images: gatherImages(dataset, rows),
      labels: phase.data === "all" ? undefined : gatherLabels(dataset, rows),
      seed: config.seed,
      threads: config.threads,
      signal,
      resumed: checkpoint?.order !== undefined,
    });
    return new Map([...rows].map((row, place) => [row, place]));
  }

  /** What the phase is judged by: the averages where it has them. */
  #weights({ average }: PhaseState): StateDict {
    const weights = this.#setup.model.root.stateDict();
    return average === undefined ? weights : new Map([...weights, ...average.stateDict()]);
  }

  #enterPhase(
    index: number,
    places: ReadonlyMap<number, number> | undefined,
    checkpoint: Checkpoint | undefined,
  ): PhaseState {
    const { model, backend, random, split, config } = this.#setup;
    const phase = model.phases[index]!;
    const plan = planPhase(phase, split, config);
    // Of the seed and the phase alone: a phase draws the same numbers whether those before it ran here or elsewhere.
    // (A checkpoint between two phases has no order yet.)
    if (checkpoint?.order === undefined) random.seed((BigInt(config.seed) << 8n) + BigInt(index));
    const optimizers = new PhaseOptimizers(phase, backend, plan, checkpoint?.optimizers);
    const average =
      phase.average &&
      new WeightAverage(backend, trainedParameters(phase), phase.average, checkpoint?.average);
    const order = (rows: Uint32Array, saved: Position["order"], stream: number) =>
      saved === undefined
        ? new BatchOrder(rows, seededRandom(config.seed, FIRST_ORDER_STREAM + 2 * index + stream))
        : BatchOrder.resume(rows, saved);
    const sums = [...(checkpoint?.sums ?? [])].map(([name, value]): [string, Tensor] => [
      name,
      Tensor.full([], value, { device: backend.device }).keep(),
    ]);
    return {
      index,
      phase,
      plan,
      places,
      keeps: keptWeights(phase),
      optimizers,
      average,
      order: order(plan.rows, checkpoint?.order, 0),
      unlabelledOrder: plan.unlabelled && order(plan.unlabelled.rows, checkpoint?.unlabelledOrder, 1),
      epoch: checkpoint?.epoch ?? 1,
      step: checkpoint?.step ?? 0,
      sums: new Map(sums),
      seconds: checkpoint?.seconds ?? 0,
      best: checkpoint?.best,
      bestWeights: checkpoint?.bestWeights,
    };
  }

  async #runEpoch(state: PhaseState): Promise<void> {
    const { config, signal, onEpoch } = this.#setup;
    const { plan, phase } = state;
    const firstStep = state.step;
    const secondsBefore = state.seconds;
    const start = performance.now();
    let told = 0;
    while (state.step < plan.stepsPerEpoch) {
      if (signal?.aborted) await this.#stop(state);
      this.#step(state);
      state.step++;
      const now = performance.now();
      state.seconds = secondsBefore + (now - start) / 1000;
      if (now - told >= PROGRESS_MS || state.step === plan.stepsPerEpoch) {
        told = now;
        this.#tell(state, (now - start) / 1000 / (state.step - firstStep));
      }
      if (now - this.#lastSave >= config.checkpointSeconds * 1000) await this.#save(state);
      await yieldToEventLoop();
    }
    const validation = await this.#validate(state);
    const record = epochRecord(
      {
        phase: phase.name,
        epoch: state.epoch,
        steps: state.step,
        seconds: secondsBefore + (performance.now() - start) / 1000,
      },
      readSums(state.sums),
      state.step * plan.batchSize,
      validation,
    );
    this.#history.push(record);
    if (validation !== undefined && isBetter(validation, state.best)) {
      state.best = { ...validation, epoch: state.epoch };
      if (state.keeps === "best") state.bestWeights = this.#weights(state);
    }
    for (const sum of state.sums.values()) sum.dispose();
    state.sums = new Map();
    state.epoch++;
    state.step = 0;
    state.seconds = 0;
    await onEpoch(record);
  }

  #step(state: PhaseState): void {
    const { backend, random } = this.#setup;
    const before = state.sums;
    const { average } = state;
    const phaseStep = (state.epoch - 1) * state.plan.stepsPerEpoch + state.step;
    backend.training = true;
    state.sums = scope(() => {
      const tools: StepTools = {
        backend,
        random,
        minimize: (name, loss) => state.optimizers.minimize(name, loss, phaseStep),
        ...(average !== undefined && { averaged: (body) => average.withinSync(() => noGrad(body)) }),
      };
      const scalars = Object.entries(state.phase.step(tools, this.#nextBatch(state)));
      return new Map(
        scalars.map(([name, value]): [string, Tensor] => {
          const sum = before.get(name);
          const scalar = value.detach().to({ dtype: "float32" }).reshape([]);
          return [name, sum === undefined ? scalar.clone() : sum.add(scalar)];
        }),
      );
    });
    for (const sum of before.values()) sum.dispose();
    average?.update(phaseStep);
  }

  #nextBatch({ plan, places, phase, order, unlabelledOrder }: PhaseState): PhaseBatch {
    const { backend, dataset } = this.#setup;
    const rows = order.next(plan.batchSize);
    const images = gatherBatch(this.#images, rows, backend);
    if (phase.data === "all") {
      if (places === undefined) return { images };
      const wide = BigInt64Array.from(rows, (row) => BigInt(places.get(row)!));
      return { images, places: Tensor.fromBuffer(wide).to({ device: backend.device }) };
    }
    const classes = BigInt64Array.from(gatherLabels(dataset, rows), BigInt);
    const labels = Tensor.fromBuffer(classes).to({ device: backend.device });
    if (unlabelledOrder === undefined) return { images, labels };
    const others = unlabelledOrder.next(plan.unlabelled!.batchSize);
    return { images, labels, unlabelledImages: gatherBatch(this.#images, others, backend) };
  }

  async #validate({ phase, average }: PhaseState): Promise<ValidationScore | undefined> {
    const { model, backend, split, dataset } = this.#setup;
    if (!phase.supervised || split.validation.length === 0) return undefined;
    const predict = () => predictProbabilities(model, backend, this.#images, split.validation);
    const probabilities = await (average === undefined ? predict() : average.within(predict));
    return validationScore(probabilities, gatherLabels(dataset, split.validation));
  }

  #tell(state: PhaseState, secondsAStep: number): void {
    const { plan, phase, index } = state;
    const stepsLeft = (plan.epochs - state.epoch + 1) * plan.stepsPerEpoch - state.step;
    this.#setup.onProgress({
      phase: phase.name,
      phaseIndex: index,
      phases: this.#setup.model.phases.length,
      epoch: state.epoch,
      epochs: plan.epochs,
      step: state.step,
      steps: plan.stepsPerEpoch,
      loss: meanLoss(readSums(state.sums), state.step),
      validationAccuracy: lastValidation(this.#history, phase.name),
      secondsLeft: stepsLeft * secondsAStep,
    });
  }

  async #stop(state: PhaseState): Promise<never> {
    await this.#save(state);
    throw new FlowglyphError(
      "ERR_ABORTED",
      `Training was stopped in phase ${state.phase.name}, epoch ${state.epoch}, after step ${state.step}; a checkpoint was saved, resume continues there`,
    );
  }

  /** `state` undefined: between phases, before `phaseIndex`. */
  async #save(state: PhaseState | undefined, phaseIndex = state?.index ?? 0): Promise<void> {
    const { model, random, fingerprint, save } = this.#setup;
    await save({
      fingerprint,
      phaseIndex,
      epoch: state?.epoch ?? 1,
      step: state?.step ?? 0,
      seconds: state?.seconds ?? 0,
      order: state?.order.state(),
      unlabelledOrder: state?.unlabelledOrder?.state(),
      best: state?.best,
      history: this.#history,
      weights: model.root.stateDict(),
      bestWeights: state?.bestWeights,
      average: state?.average?.stateDict(),
      optimizers: state?.optimizers.states() ?? new Map(),
      random: random.state(),
      sums: readSums(state?.sums ?? new Map()),
    });
    this.#lastSave = performance.now();
  }
}

function firstLabelledPhase({ phases }: TrainableModel): number {
  return phases.findIndex(({ data }) => data !== "all");
}

function readSums(sums: ReadonlyMap<string, Tensor>): Map<string, number> {
  return new Map([...sums].map(([name, sum]) => [name, sum.item()]));
}

function lastValidation(history: readonly EpochRecord[], phase: string): number | undefined {
  const last = history.at(-1);
  return last?.phase === phase ? last.accuracies.validation : undefined;
}
