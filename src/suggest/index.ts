// Which sessions to label next. Needs no libtorch.
export { findStrategy, STRATEGIES } from "./registry.ts";
export type { Candidates, Strategy } from "./strategy.ts";
export {
  DEFAULT_STRATEGY,
  FIRST_STRATEGY,
  type Suggestion,
  type Suggestions,
  type SuggestOptions,
  suggest,
} from "./suggest.ts";
export { type SuggestionRow, suggestionRows } from "./suggestion-rows.ts";
