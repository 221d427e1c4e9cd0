// Tests that need libtorch run inside `describeTorch`: where the addon is missing they are skipped, and a line says so.
import { describe } from "vitest";
import { torchAvailable } from "../../bindings/torch/index.ts";

const available = torchAvailable();
if (!available) {
  console.warn("skipped: tests of the torch addon, which was not built (no libtorch)");
}

export const describeTorch = describe.skipIf(!available);
