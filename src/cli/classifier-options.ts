// Options of the commands that classify: who computes, and where the model is not sure enough.
import { type Command, Option } from "commander";
import { invalidArgument } from "../../bindings/errors.ts";
import { unknownThreshold } from "../evaluation/unknown.ts";
import { type Classifier, ISOLATIONS, type Isolation } from "../inference/index.ts";
import { UNKNOWN } from "../results/index.ts";
import { parsePositiveWhole, parseProbability, parseShare } from "./command.ts";
import { formatCount } from "./format.ts";
import type { Terminal } from "./terminal.ts";

export interface ClassifierFlags {
  readonly workers?: number;
  readonly isolation?: Isolation;
  readonly unknownError?: number;
  readonly unknownBelow?: number;
}

export function addClassifierOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--unknown-error <share>",
        'class "unknown" where the model is not sure enough for this: of the verdicts given at most so many wrong (such as 5%), with 90 % confidence, on sessions like the labelled ones',
      )
        .argParser(parseShare)
        .conflicts("unknownBelow"),
    )
    .addOption(
      new Option(
        "--unknown-below <p>",
        'class "unknown" unless the best class is more probable than this',
      ).argParser(parseProbability),
    )
    .addOption(new Option("--workers <n>", "workers that classify").argParser(parsePositiveWhole))
    .addOption(
      new Option(
        "--isolation <kind>",
        "workers are threads, or processes: one that crashes or hangs takes nothing with it (default: thread)",
      ).choices(ISOLATIONS),
    );
}

/** The threshold that the flags ask for; what is promised of it is said. */
export function unknownBelowOf(
  { metadata }: Pick<Classifier, "metadata">,
  { unknownError, unknownBelow }: ClassifierFlags,
  terminal: Terminal,
): number | undefined {
  if (unknownError === undefined && unknownBelow === undefined) return undefined;
  if (metadata.classes.includes(UNKNOWN))
    throw invalidArgument("--unknown-error", `a model without a class named ${UNKNOWN}`, metadata.classes);
  if (unknownError === undefined) return unknownBelow;
  const { threshold, given, wrong, error } = unknownThreshold(metadata, unknownError);
  terminal.note(
    `unknown where the probability is ${threshold.toFixed(4)} or less: on ${formatCount(metadata.unknown!.rows)} labelled images (${metadata.unknown!.source}) ${formatCount(wrong)} of the ${formatCount(given)} verdicts above it were wrong, so that at most ${(100 * error).toFixed(1)} % are, with 90 % confidence`,
  );
  return threshold;
}
