// What a command file exports, and the option parsers that several commands share.
import { type Command, InvalidArgumentError, Option } from "commander";
import { MASKS, VIEWS } from "../capture/names.ts";
import type { Terminal } from "./terminal.ts";

/** What a command may use of the outside world. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** Aborted on Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Adds one verb to the program. */
export type RegisterCommand = (program: Command, context: CommandContext) => void;

export function parseSeconds(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError("Expected seconds, 0 or more (0 = unlimited).");
  return value;
}

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

export const idleTimeoutOption = () =>
  new Option("--idle-timeout <seconds>", "end a session after this much silence, capture time; 0 = never")
    .argParser(parseSeconds)
    .default(120);
export const activeTimeoutOption = () =>
  new Option("--active-timeout <seconds>", "end a session after this duration, capture time; 0 = never")
    .argParser(parseSeconds)
    .default(1800);
export const viewOption = () =>
  new Option("--view <view>", "which bytes of a session become its image").choices(VIEWS).default("l3");
export const maskOption = () =>
  new Option("--mask <mask>", "which fields of those bytes are zeroed").choices(MASKS).default("identity");
export const jsonOption = () => new Option("--json", "machine-readable result on standard output");
