// The models that are networks: what the tests of this folder go through, row by row.
import type { NetworkRow } from "../../src/models/model.ts";
import { MODELS } from "../../src/models/registry.ts";

export const NETWORKS: readonly NetworkRow[] = MODELS.filter((row): row is NetworkRow => !("fit" in row));
