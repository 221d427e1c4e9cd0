// Static shapes while a forward pass is traced. A dimension is a number; the batch size, unknown at that time, is -1,
// and a dimension that is k batches long (after folding an axis into the batch) is -k.
import { FlowglyphError } from "../../bindings/errors.ts";

export type Shape = readonly number[];

export function describe(shape: Shape): string {
  return `(${shape.map((d) => (d >= 0 ? d : d === -1 ? "N" : `${-d}N`)).join(", ")})`;
}

export function shapeError(operation: string, expected: string, received: Shape | string): FlowglyphError {
  const shown = typeof received === "string" ? received : describe(received);
  return new FlowglyphError("ERR_MODEL_FORMAT", `${operation}: expected ${expected} but received ${shown}`);
}

export function expectRank(operation: string, x: Shape, rank: number): void {
  if (x.length !== rank) throw shapeError(operation, `an input of ${rank} axes`, x);
}

export function dim(shape: Shape, axis: number): number {
  const value = shape[axis < 0 ? axis + shape.length : axis];
  if (value === undefined) throw shapeError("shape", `an axis ${axis}`, shape);
  return value;
}

/** Negative axes count from the end. */
export function normalizeAxis(operation: string, axis: number, shape: Shape): number {
  const positive = axis < 0 ? axis + shape.length : axis;
  if (!Number.isInteger(positive) || positive < 0 || positive >= shape.length) {
    throw shapeError(operation, `axis ${axis} to exist`, shape);
  }
  return positive;
}

/** NumPy's broadcasting rule. */
export function broadcast(operation: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const left = a[i - rank + a.length] ?? 1;
    const right = b[i - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw shapeError(operation, "shapes that broadcast", `${describe(a)} and ${describe(b)}`);
    }
    return left === 1 ? right : left;
  });
}

export function matmulShape(a: Shape, b: Shape): Shape {
  if (a.length < 2 || b.length < 2 || dim(a, -1) !== dim(b, -2)) {
    throw shapeError("matmul", "(..., m, k) and (..., k, n)", `${describe(a)} and ${describe(b)}`);
  }
  return [...broadcast("matmul", a.slice(0, -2), b.slice(0, -2)), dim(a, -2), dim(b, -1)];
}

/** Length after a convolution or pooling window. */
export function windowLength(length: number, kernel: number, stride: number, padding: number): number {
  return Math.floor((length + 2 * padding - kernel) / stride) + 1;
}

/** `target` holds at most one -1, which takes what the other dimensions leave. */
export function reshapeShape(from: Shape, target: Shape): Shape {
  const product = (shape: Shape) => shape.reduce((total, d) => total * Math.abs(d), 1);
  const batches = from.filter((d) => d < 0).length;
  const wildcard = target.indexOf(-1);
  const invalid =
    target.some((d) => !Number.isInteger(d) || d < -1) || target.indexOf(-1, wildcard + 1) > wildcard;
  const known = product(target);
  const left = product(from) / known;
  const fits = wildcard < 0 ? batches === 0 && left === 1 : batches <= 1 && Number.isInteger(left);
  if (invalid || !fits) throw shapeError("reshape", `a shape that fits ${describe(target)}`, from);
  return target.map((d) => (d === -1 ? (batches === 1 ? -left : left) : d));
}
