// How large a student may be: sizes are measured before any is trained, since what a graph costs does not ask what its
// weights are worth.

import { Patchwise } from "../models/patchwise.ts";
import { emitPatchwiseInt8 } from "../models/patchwise-int8.ts";
import type { ModelMetadata } from "../onnx/metadata.ts";
import { measureSpeeds } from "../onnx/speed.ts";
import { logitsGraph, traceModel } from "../onnx/trace.ts";

/** Whether the student may compute in integers: where it is faster at little cost, always, or never. */
export const INT8 = ["auto", "on", "off"] as const;
export type Int8 = (typeof INT8)[number];

/** What a student is made of: features of a patch, and bytes that it reads (src/models/patchwise.ts). */
export interface StudentShape {
  readonly width: number;
  readonly bytes: number;
}

/** Those that are tried, the slowest and best first: docs/distill.md has what each scores. */
export const STUDENT_SHAPES: readonly StudentShape[] = [
  { width: 128, bytes: 784 },
  { width: 64, bytes: 784 },
  { width: 64, bytes: 512 },
  { width: 32, bytes: 512 },
  { width: 32, bytes: 256 },
  { width: 16, bytes: 256 },
];

/** Sessions a second of one thread. */
export interface MeasuredShape extends StudentShape {
  readonly float32: number;
  readonly int8: number;
}

export interface StudentSize extends StudentShape {
  /** Sessions a second of the teacher, in the same turns; null where the shape was given and nothing measured. */
  readonly teacher: number | null;
  readonly measured: readonly MeasuredShape[];
}

// What is measured again at the end must not fall short by chance.
const MARGIN = 1.15;

/** The best student that classifies `speedup` times as many sessions a second as the teacher, or the fastest. */
export async function chooseSize(
  teacher: { readonly model: Uint8Array; readonly metadata: ModelMetadata },
  images: Uint8Array,
  { speedup, int8, signal }: { speedup: number; int8: Int8; signal: AbortSignal | undefined },
): Promise<StudentSize> {
  const { metadata } = teacher;
  const graphs = STUDENT_SHAPES.flatMap((shape) => {
    const student = new Patchwise(metadata.classes.length, shape).initialize(1);
    return [
      traceModel(student, metadata),
      logitsGraph(metadata, (graph, input) =>
        emitPatchwiseInt8(graph, input, student, { first: 1, second: 1 }),
      ),
    ];
  });
  const [own = 0, ...rates] = await measureSpeeds([teacher.model, ...graphs], images, { turns: 3, signal });
  const measured = STUDENT_SHAPES.map((shape, i) => ({
    ...shape,
    float32: Math.round(rates[2 * i]!),
    int8: Math.round(rates[2 * i + 1]!),
  }));
  const { width, bytes } =
    measured.find((shape) => rateOf(shape, int8) >= MARGIN * speedup * own) ?? STUDENT_SHAPES.at(-1)!;
  return { width, bytes, teacher: Math.round(own), measured };
}

function rateOf({ float32, int8 }: MeasuredShape, allowed: Int8): number {
  return { on: int8, off: float32, auto: Math.max(float32, int8) }[allowed];
}
