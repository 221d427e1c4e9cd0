// Learning-rate schedules that phases use by name; src/training/schedule.ts computes them.
import type { LearningRateSchedule } from "./model.ts";

/** Smith and Topin 2018, with the numbers of torch.optim.lr_scheduler.OneCycleLR. */
export const oneCycle: LearningRateSchedule = { warmUp: 0.3, rise: "cosine", start: 1 / 25, end: 4e-6 };

/** Half a cosine after a short linear rise (Loshchilov and Hutter 2017, without restarts). */
export const warmCosine: LearningRateSchedule = { warmUp: 0.05, rise: "linear", start: 0.01, end: 0.01 };
