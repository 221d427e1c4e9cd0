// What a command file exports, and the option parsers that several commands share.
import { type Command, InvalidArgumentError, Option } from "commander";
import { isLive } from "../capture/index.ts";
import type { Interrupt } from "./interrupt.ts";
import type { Terminal } from "./terminal.ts";

/** What a command may use of the outside world. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** Aborted on Ctrl-C. */
  readonly signal: AbortSignal;
  readonly interrupt: Interrupt;
  /** What was asked for is done but for some of its inputs, which have been named: the exit status says so. */
  partlyFailed(): void;
}

/** Adds one verb to the program. */
export type RegisterCommand = (program: Command, context: CommandContext) => void;

export function parsePositiveWhole(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("Expected a whole number above 0.");
  return value;
}

export function parseProbability(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError("Expected a number from 0 to 1.");
  return value;
}

/** `5%` or `0.05`, above 0 and below 1. */
export function parseShare(text: string): number {
  const number = text.trim().replace(/\s*%$/, "");
  const value = Number(number) / (text.trim().endsWith("%") ? 100 : 1);
  if (number === "" || !(value > 0 && value < 1))
    throw new InvalidArgumentError("Expected a share between 0 and 1, such as 5% or 0.05.");
  return value;
}

export const jsonOption = () => new Option("--json", "machine-readable result on standard output");

// tcpdump writes its last buffer at once when it is interrupted.
const PIPE_GRACE_MS = 1000;

/** Where the input is live, the first Ctrl-C ends it, and what was read is worked off. What the reading is to be given. */
export function finishable(
  { interrupt }: CommandContext,
  inputs: readonly string[],
  follow: boolean,
): { readonly signal: AbortSignal; readonly finishSignal: AbortSignal } {
  const { signal, finishSignal } = interrupt;
  if (isLive(inputs, follow)) interrupt.finishFirst(inputs.includes("-") ? PIPE_GRACE_MS : 0);
  return { signal, finishSignal };
}
