// Gradients as a training step computes them, in float32, against central differences of the same function in float64.
import { scope, Tensor } from "../../bindings/torch/index.ts";
import { expectClose } from "./close.ts";
import { probed } from "./operations.ts";

export interface Leaf {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}
type Leaves = Readonly<Record<string, Leaf>>;

/** float64 rounds at 1e-16: with this step neither rounding nor curvature reaches the tolerance. */
const STEP = 1e-5;
const TOLERANCE = 2e-5;

/**
 * Every element of every leaf. `compute` gets tensors of the leaves in the given type; what it needs besides it makes itself,
 * in that type, anew each time.
 */
export function expectGradientsOfDifferences(
  leaves: Leaves,
  compute: (tensors: Record<string, Tensor>, dtype: "float32" | "float64") => Tensor,
): void {
  const gradients = scope(() => {
    const tensors = Object.fromEntries(
      Object.entries(leaves).map(([name, { shape, values }]) => [
        name,
        Tensor.fromBuffer(Float32Array.from(values), shape).setRequiresGrad(true),
      ]),
    );
    probed(compute(tensors, "float32")).backward();
    return new Map(Object.entries(tensors).map(([name, tensor]) => [name, tensor.grad()!.toFloat32Array()]));
  });
  // What float32 holds, so that both start at the same point.
  const points = new Map(
    Object.entries(leaves).map(([name, { values }]) => [name, Float64Array.from(Float32Array.from(values))]),
  );
  const value = () =>
    scope(() => {
      const tensors = Object.fromEntries(
        Object.entries(leaves).map(([name, { shape }]) => [
          name,
          Tensor.fromBuffer(points.get(name)!, shape),
        ]),
      );
      return probed(compute(tensors, "float64")).item();
    });
  for (const [name, point] of points) {
    const slopes = point.map((original, i) => {
      point[i] = original + STEP;
      const above = value();
      point[i] = original - STEP;
      const below = value();
      point[i] = original;
      return (above - below) / (2 * STEP);
    });
    expectClose(gradients.get(name)!, slopes, TOLERANCE, `gradient of ${name}`);
  }
}
