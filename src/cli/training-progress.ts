// What `train` and `distill` say while they run.
import type { EpochRecord, TrainingProgress } from "../training/index.ts";
import { formatCount, formatDuration } from "./format.ts";
import type { ProgressLine, Terminal } from "./terminal.ts";

export function progressLine(progress: TrainingProgress): ProgressLine {
  const { phase, phaseIndex, phases, epoch, epochs, step, steps, loss, validationAccuracy, secondsLeft } =
    progress;
  const validation =
    validationAccuracy === undefined
      ? ""
      : `, validation accuracy ${(validationAccuracy * 100).toFixed(1)} %`;
  return {
    fraction: (epoch - 1 + step / steps) / epochs,
    text:
      loss === undefined
        ? `${phase} ${formatCount(step)}/${formatCount(steps)}${Number.isFinite(secondsLeft) ? `, ${formatDuration(secondsLeft)} left` : ""}`
        : `${phase} (${phaseIndex + 1}/${phases}) epoch ${epoch}/${epochs} loss ${loss.toFixed(3)}${validation}, ${formatDuration(secondsLeft)} left at most`,
  };
}

export function noteEpoch(
  terminal: Terminal,
  { phase, epoch, losses, accuracies, seconds }: EpochRecord,
): void {
  // On a terminal the bar says it; in a log one line for the first epochs and then every tenth tells the story.
  if (terminal.columns !== undefined || (epoch > 3 && epoch % 10 !== 0)) return;
  const shown = (values: Readonly<Record<string, number>>, what: string) =>
    Object.entries(values).map(([name, value]) => `${name} ${what} ${value.toFixed(4)}`);
  const scores = [...shown(losses, "loss"), ...shown(accuracies, "accuracy")];
  terminal.note(
    `${phase} epoch ${epoch}${scores.length > 0 ? `: ${scores.join(", ")}` : ""} (${seconds.toFixed(1)} s)`,
  );
}
