// How bytes become the numbers that networks see.

import type { Backend } from "../nn/backend.ts";
import type { Parameter } from "../nn/parameter.ts";

/** uint8 0 ... 255 -> float32 in [-1, 1], the range of the generator's Tanh; same shape. */
export function scaleBytes<T>(backend: Backend<T, Parameter>, images: T): T {
  return backend.affine(backend.toFloat(images), 2 / 255, -1);
}
