// The learning rate of each step of a phase. A function of the step alone, so that a resumed run needs no state for it.
import { invalidArgument } from "../../bindings/errors.ts";
import type { LearningRateSchedule } from "../models/model.ts";

/** @throws ERR_ARGUMENT for a schedule that cannot be. */
export function checkSchedule({ warmUp, start, end }: LearningRateSchedule): void {
  if (!(warmUp >= 0 && warmUp < 1)) throw invalidArgument("schedule.warmUp", "a number in [0, 1)", warmUp);
  for (const [name, value] of Object.entries({ start, end })) {
    if (!(value > 0 && value <= 1)) throw invalidArgument(`schedule.${name}`, "a number in (0, 1]", value);
  }
}

/** What the learning rate is multiplied by at `step`, from 0, of `steps`: 1 at the end of the rise. */
export function scheduleFactor(schedule: LearningRateSchedule, step: number, steps: number): number {
  const { warmUp, rise, start, end } = schedule;
  const peak = Math.max(0, warmUp * steps - 1);
  const last = steps - 1;
  if (step <= peak) {
    const share = peak === 0 ? 1 : step / peak;
    return start + (1 - start) * (rise === "linear" ? share : (1 - Math.cos(Math.PI * share)) / 2);
  }
  const share = Math.min(1, (step - peak) / (last - peak));
  return end + ((1 - end) * (1 + Math.cos(Math.PI * share))) / 2;
}
