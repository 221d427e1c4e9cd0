// Tests that need libtorch run inside `describeTorch`: where the addon is missing they are skipped, and a line says so.
import { describe } from "vitest";
import { torchAvailable } from "../../bindings/torch/index.ts";

const available = torchAvailable();
if (!available) {
  console.warn("skipped: tests of the torch addon, which was not built (no libtorch)");
}

/** `describe`, or a visible skip where there is no libtorch. */
export function describeTorch(name: string, body: () => void): void {
  describe.skipIf(!available)(name, body);
}
