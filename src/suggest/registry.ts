// The table of strategies. To add one: one file in strategies/, one line here.
import { invalidArgument } from "../../bindings/errors.ts";
import { badge } from "./strategies/badge.ts";
import { coreSet } from "./strategies/core-set.ts";
import { entropy } from "./strategies/entropy.ts";
import { margin } from "./strategies/margin.ts";
import { random } from "./strategies/random.ts";
import { typical } from "./strategies/typical.ts";
import type { Strategy } from "./strategy.ts";

export const STRATEGIES: readonly Strategy[] = [badge, margin, typical, entropy, coreSet, random];

/** @throws ERR_ARGUMENT for a name that is none's */
export function findStrategy(name: string): Strategy {
  const found = STRATEGIES.find((strategy) => strategy.name === name);
  if (found === undefined)
    throw invalidArgument(
      "strategy",
      `one of ${STRATEGIES.map((strategy) => strategy.name).join(", ")}`,
      name,
    );
  return found;
}
