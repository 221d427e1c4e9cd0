// A key of the training config as a flag of a command: `--batch-size` is `batchSize`.
import { InvalidArgumentError, Option } from "commander";
import { CONFIG_FIELDS, type TrainingConfig } from "../training/index.ts";

/** @param told What it is for, where that is not what `train` says. */
export function configOption(key: keyof TrainingConfig, defaultText: string, told?: string): Option {
  const { check, expected } = CONFIG_FIELDS[key];
  const about = told ?? CONFIG_FIELDS[key].about;
  const flag = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return new Option(`--${flag} <value>`, `${about} (default: ${defaultText})`).argParser((text: string) => {
    // Values that are names ("all", "10%", "cuda") stay text; the config's own check has the last word.
    const value = text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
    if (!check(value)) throw new InvalidArgumentError(`Expected ${expected}.`);
    return value;
  });
}
