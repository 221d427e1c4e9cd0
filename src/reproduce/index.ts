// flowglyph/reproduce: the paper's experiments. Needs libtorch once a network's cell is run, not to import.
export { CONTENDERS, type ContenderName } from "./contenders.ts";
export { secondsOf } from "./estimate.ts";
export { IMAGE_SETS, type ImageSetName } from "./image-sets.ts";
export {
  type Grid,
  type GridRequest,
  openGrid,
  type ReproduceOptions,
  type ReproduceResult,
  reproduce,
  TARGETS,
  type Target,
} from "./reproduce.ts";
export type { CellFailure, CellResult } from "./result.ts";
export type { GridProgress, RunCellsOptions, RunProgress } from "./run-cells.ts";
export type { RowSummary, Summary, TableSummary } from "./summary.ts";
