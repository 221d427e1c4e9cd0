// The small version of everything: the first setting of each table, every model, on a few images and labels, for a minute. It
// shows that the machinery works; its scores say nothing.
import type { TrainingConfig } from "../training/index.ts";
import type { SetLimits } from "./image-sets.ts";
import { type Labels, type Setting, settingLabel, type Table } from "./tables/index.ts";

export const QUICK_LIMITS: SetLimits = { train: 30, test: 10 };

export const QUICK_TRAINING: Partial<TrainingConfig> = {
  batchSize: 32,
  pretrainEpochs: 2,
  epochs: 3,
  minEpochSteps: 2,
};

const LABEL_DIVISOR = 20;
const PER_CLASS_DIVISOR = 250;
const POOL_DIVISOR = 100;

/** The first setting of each table, a fraction of its size. */
export function quickTable(table: Table): Table {
  const settings = table.settings.slice(0, 1).map(
    ({ labels, unlabelled, paper }): Setting => ({
      labels: quickLabels(labels),
      unlabelled: unlabelled === "all" ? "all" : Math.ceil(unlabelled / POOL_DIVISOR),
      paper,
      insteadOf: settingLabel(labels, unlabelled),
    }),
  );
  return { ...table, settings };
}

function quickLabels(labels: Labels): Labels {
  if (typeof labels === "number") return Math.max(LABEL_DIVISOR, Math.ceil(labels / LABEL_DIVISOR));
  if (!labels.endsWith("/class")) return labels;
  return `${Math.ceil(Number.parseInt(labels, 10) / PER_CLASS_DIVISOR)}/class`;
}
