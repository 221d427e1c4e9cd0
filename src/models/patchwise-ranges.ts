// What an int8 graph has to know of its floating-point model: how large the values between its layers get.
import { scope, type Tensor } from "../../bindings/torch/index.ts";
import type { TorchBackend } from "../nn/torch-backend.ts";
import type { Patchwise } from "./patchwise.ts";
import type { PatchwiseRanges } from "./patchwise-int8.ts";

/**
 * Per batch the largest value after each patch layer; the mean over batches is the range. A single outlier among thousands of
 * sessions would make all others coarser, and values beyond the range only become its end.
 * @param batches uint8 (N, 28, 28) each, on the backend's device, made one at a time.
 */
export function measureRanges(
  model: Patchwise,
  backend: TorchBackend,
  batches: Iterable<() => Tensor>,
): PatchwiseRanges {
  const largest = { first: [] as number[], second: [] as number[] };
  for (const batch of batches) {
    scope(() =>
      backend.predict(() =>
        model.logits(backend, batch(), (stage, values) => {
          largest[stage].push(values.reshape([-1]).max(0).item());
        }),
      ),
    );
  }
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return { first: mean(largest.first), second: mean(largest.second) };
}
