// One session and its verdict as a flat row, in the names and order that every results file has: those of a dataset's columns
// (src/dataset/columns.ts), between the capture and the verdict.
import { formatAddress } from "../capture/address.ts";
import { END_REASONS, protocolName } from "../capture/names.ts";
import {
  type AnyColumns,
  type ColumnKind,
  FILE_COLUMNS,
  type FileColumn,
  type NumberValues,
  rowOf,
  type SessionTable,
} from "../dataset/columns.ts";
import type { VerdictBatch } from "../inference/classify-sessions.ts";

type TextKind = "time" | "protocol" | "address" | "endReason";
type SequenceName = {
  [F in FileColumn]: SessionTable[F] extends { sequence: true } ? F : never;
}[FileColumn];
type PlainName = Exclude<FileColumn, SequenceName | "sequence_count">;

/**
 * What `classify` says of a session. A results CSV also serves as a label file: the columns carry the same names.
 * Times are RFC 3339, UTC, with nanoseconds; capture time.
 */
export type VerdictRow = {
  readonly capture: string;
} & {
  readonly [F in PlainName]: SessionTable[F]["kind"] extends TextKind ? string : number;
} & {
  /** Where sequences were asked for, as the next: how many numbers each of them has. */
  readonly sequence_count?: number;
} & {
  readonly [F in SequenceName]?: readonly number[];
} & {
  /** Empty where the session has no byte in the model's view (l7: no payload): nothing to classify. */
  readonly class: string;
  /** Of that class, 0 to 1. */
  readonly probability: number;
};

/** A column of results: of the session's own, or one of `capture`, `class` and `probability`. */
export interface VerdictColumn {
  readonly name: keyof VerdictRow;
  readonly kind: ColumnKind | "text" | "probability";
  readonly sequence: boolean;
}

/** Every column, in the order of files. */
const TABLE: readonly VerdictColumn[] = [
  { name: "capture", kind: "text", sequence: false },
  ...FILE_COLUMNS.map((name) => ({ name, kind: rowOf(name).kind, sequence: rowOf(name).sequence ?? false })),
  { name: "class", kind: "text", sequence: false },
  { name: "probability", kind: "probability", sequence: false },
];

/** The columns of files, in order; sequences only where they were asked for. */
export function verdictColumns(sequence: boolean): readonly VerdictColumn[] {
  return TABLE.filter((column) => isWanted(column.name, column.sequence, sequence));
}

/** The names of the columns of a results file without sequences, in order. */
export const VERDICT_COLUMNS: readonly (keyof VerdictRow)[] = verdictColumns(false).map(({ name }) => name);

function isWanted(name: string, isSequence: boolean, sequence: boolean): boolean {
  return sequence || !(isSequence || name === "sequence_count");
}

/** The rows of a batch, in its order. */
export function* verdictRows(batch: VerdictBatch): Generator<VerdictRow> {
  const columns = FILE_COLUMNS.filter((name) =>
    isWanted(name, rowOf(name).sequence ?? false, batch.sequence > 0),
  );
  for (let row = 0; row < batch.count; row++) {
    yield {
      capture: batch.captures[batch.captureGroup[row]!]!,
      ...(Object.fromEntries(columns.map((name) => [name, cell(batch, name, row)])) as Pick<
        VerdictRow,
        PlainName
      >),
      ...(batch.imageBytes[row] === 0
        ? { class: "", probability: 0 }
        : {
            class: batch.classes[batch.classIndex[row]!]!,
            probability: roundProbability(batch.probability[row]!),
          }),
    };
  }
}

function cell(batch: VerdictBatch, name: FileColumn, row: number): string | number | readonly number[] {
  const { column, kind, sequence } = rowOf(name);
  const values = (batch as unknown as AnyColumns)[column] as NumberValues;
  if (sequence) {
    const from = row * batch.sequence;
    return Array.from(values.subarray(from, from + batch.sequenceCount[row]!), Number);
  }
  if (kind === "address") return formatAddress(batch.ipVersion[row]!, values as Uint8Array, row);
  const value = values[row]!;
  if (kind === "time") return formatTime(value as bigint);
  if (kind === "protocol") return protocolName(Number(value));
  if (kind === "endReason") return END_REASONS[Number(value)]!;
  return Number(value);
}

const NS_PER_SECOND = 1_000_000_000n;

/** Nanoseconds since the epoch as RFC 3339 with all nine digits: 2016-03-01T12:00:00.123456789Z. */
export function formatTime(ns: bigint): string {
  let seconds = ns / NS_PER_SECOND;
  let fraction = ns % NS_PER_SECOND;
  if (fraction < 0n) {
    fraction += NS_PER_SECOND;
    seconds--;
  }
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, -".000Z".length);
  return `${whole}.${fraction.toString().padStart(9, "0")}Z`;
}

/** float32 has some seven digits: six places say all there is, and none of float64's noise. */
function roundProbability(probability: number): number {
  return Math.round(probability * 1e6) / 1e6;
}
