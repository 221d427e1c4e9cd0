// The optimizers of a phase: an Adam each, its options by parameter, its learning rate by step.
import { FlowglyphError } from "../../bindings/errors.ts";
import { Adam, type AdamState, type Tensor } from "../../bindings/torch/index.ts";
import type { PhaseOptimizer, TrainingPhase } from "../models/model.ts";
import type { Parameter } from "../nn/parameter.ts";
import type { TorchBackend } from "../nn/torch-backend.ts";
import type { PhasePlan } from "./phase-plan.ts";
import { checkSchedule, scheduleFactor } from "./schedule.ts";

/** Weights of layers; biases, and the gains of norms, have one axis. */
const isWeight = ({ shape }: Parameter) => shape.length >= 2;

export class PhaseOptimizers {
  readonly #phase: TrainingPhase;
  readonly #plan: Pick<PhasePlan, "rows" | "stepsPerEpoch" | "epochs">;
  readonly #adams = new Map<string, Adam>();

  /**
   * @param plan Of the phase: schedules run over its steps.
   * @param saved A checkpoint's, by name.
   */
  constructor(
    phase: TrainingPhase,
    backend: TorchBackend,
    plan: Pick<PhasePlan, "rows" | "stepsPerEpoch" | "epochs">,
    saved: ReadonlyMap<string, AdamState> | undefined,
  ) {
    this.#phase = phase;
    this.#plan = plan;
    for (const [name, optimizer] of Object.entries(phase.optimizers)) {
      const adam = makeAdam(optimizer, this.#rate(optimizer), backend);
      const state = saved?.get(name);
      if (state !== undefined) adam.loadState(state);
      this.#adams.set(name, adam);
    }
  }

  /** One step of the named optimizer against `loss`; `phaseStep` counts the steps of the phase from 0. */
  minimize(name: string, loss: Tensor, phaseStep: number): void {
    const adam = this.#adams.get(name);
    if (adam === undefined) {
      throw new FlowglyphError("ERR_ARGUMENT", `Phase ${this.#phase.name} has no optimizer named ${name}`);
    }
    const optimizer = this.#phase.optimizers[name]!;
    if (optimizer.schedule !== undefined) {
      const { stepsPerEpoch, epochs } = this.#plan;
      const factor = scheduleFactor(optimizer.schedule, phaseStep, stepsPerEpoch * epochs);
      adam.setLearningRate(this.#rate(optimizer) * factor);
    }
    adam.zeroGrad();
    loss.backward();
    adam.step();
  }

  #rate({ learningRate, fullRateImages }: PhaseOptimizer): number {
    return learningRate * Math.min(1, this.#plan.rows.length / (fullRateImages ?? 1));
  }

  states(): Map<string, AdamState> {
    return new Map([...this.#adams].map(([name, adam]) => [name, adam.state()]));
  }
}

function makeAdam(optimizer: PhaseOptimizer, learningRate: number, backend: TorchBackend): Adam {
  const { parameters, betas, weightDecay = 0, decays = isWeight, clipNorm, schedule } = optimizer;
  if (schedule !== undefined) checkSchedule(schedule);
  return new Adam(backend.tensors(parameters), {
    learningRate,
    betas,
    weightDecay: parameters.map((parameter) => (decays(parameter) ? weightDecay : 0)),
    ...(clipNorm !== undefined && { clipNorm }),
  });
}

/** Each parameter that an optimizer of the phase moves, once. */
export function trainedParameters(phase: TrainingPhase): Parameter[] {
  return [...new Set(Object.values(phase.optimizers).flatMap(({ parameters }) => parameters))];
}

/** Whose weights the phase leaves; `last` phases run to their end. */
export function keptWeights({ keep, optimizers }: TrainingPhase): "best" | "last" {
  const scheduled = Object.values(optimizers).some(({ schedule }) => schedule !== undefined);
  return keep ?? (scheduled ? "last" : "best");
}
