// One session and its verdict as a flat row, in the names and order that every results file has: those of a dataset's columns
// (src/dataset/columns.ts), between the capture and the verdict.
import { invalidArgument } from "../../bindings/errors.ts";
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
import type { VerdictBatch } from "../inference/index.ts";

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
  /**
   * Empty where the session has no byte in the model's view (l7: no payload): nothing to classify. UNKNOWN where that was
   * asked for and the best class is not probable enough.
   */
  readonly class: string;
  /** Where UNKNOWN was asked for: the most probable class, given or not. */
  readonly best_class?: string;
  /** Of the best class, 0 to 1. */
  readonly probability: number;
};

/** The class of a session on which no verdict is given. */
export const UNKNOWN = "unknown";

/** Which of the columns that are not always there a results file has. */
export interface VerdictShape {
  /** The sequence columns (`CaptureOptions.sequence` above 0). */
  readonly sequence?: boolean | undefined;
  /** `best_class`. */
  readonly unknown?: boolean | undefined;
}

/** A column of results: of the session's own, or one of `capture`, `class`, `best_class` and `probability`. */
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
  { name: "best_class", kind: "text", sequence: false },
  { name: "probability", kind: "probability", sequence: false },
];

/** The columns of files, in order; some only where they were asked for. */
export function verdictColumns({
  sequence = false,
  unknown = false,
}: VerdictShape): readonly VerdictColumn[] {
  return TABLE.filter(
    (column) => isWanted(column.name, column.sequence, sequence) && (unknown || column.name !== "best_class"),
  );
}

/** The names of the columns that every results file has, in order. */
export const VERDICT_COLUMNS: readonly (keyof VerdictRow)[] = verdictColumns({}).map(({ name }) => name);

function isWanted(name: string, isSequence: boolean, sequence: boolean): boolean {
  return sequence || !(isSequence || name === "sequence_count");
}

export interface VerdictRowOptions {
  /** The class is UNKNOWN unless the best one is more probable than this: `unknownThreshold` finds it for a stated error. */
  readonly unknownBelow?: number | undefined;
}

/**
 * The rows of a batch, in its order.
 * @throws ERR_ARGUMENT where `unknownBelow` is given and the model has a class of that name
 */
export function* verdictRows(
  batch: VerdictBatch,
  { unknownBelow }: VerdictRowOptions = {},
): Generator<VerdictRow> {
  if (unknownBelow !== undefined && batch.classes.includes(UNKNOWN))
    throw invalidArgument("unknownBelow", `a model without a class named ${UNKNOWN}`, unknownBelow);
  const readers = FILE_COLUMNS.filter((name) =>
    isWanted(name, rowOf(name).sequence ?? false, batch.sequence > 0),
  ).map((name) => ({ name, read: readerOf(batch, name) }));
  // Each row is a copy of the one before, all of it written over. V8 makes a hash table of an object to which so many
  // properties are added by computed names, but not of one that is parsed, nor of its copies: 2.2 us a row instead of 5.8.
  const verdictNames = unknownBelow === undefined ? ["class"] : ["class", "best_class"];
  const names = ["capture", ...readers.map(({ name }) => name), ...verdictNames, "probability"];
  let cells: Record<string, Cell> = JSON.parse(
    JSON.stringify(Object.fromEntries(names.map((name) => [name, 0]))),
  );
  for (let row = 0; row < batch.count; row++) {
    cells = { ...cells };
    cells.capture = batch.captures[batch.captureGroup[row]!]!;
    for (const { name, read } of readers) cells[name] = read(row);
    yield Object.assign(cells, verdict(batch, row, unknownBelow)) as unknown as VerdictRow;
  }
}

function verdict(
  batch: VerdictBatch,
  row: number,
  unknownBelow: number | undefined,
): Pick<VerdictRow, "class" | "best_class" | "probability"> {
  const empty = batch.imageBytes[row] === 0;
  const best = empty ? "" : batch.classes[batch.classIndex[row]!]!;
  const probability = empty ? 0 : roundProbability(batch.probability[row]!);
  if (unknownBelow === undefined) return { class: best, probability };
  // What holds no byte is no session that the model does not know.
  const given = empty || batch.probability[row]! > unknownBelow;
  return { class: given ? best : UNKNOWN, best_class: best, probability };
}

type Cell = string | number | readonly number[];

/** A column as rows have it: a row number in, its cell out. */
function readerOf(batch: VerdictBatch, name: FileColumn): (row: number) => Cell {
  const { column, kind, sequence } = rowOf(name);
  const values = (batch as unknown as AnyColumns)[column] as NumberValues;
  if (sequence)
    return (row) => {
      const from = row * batch.sequence;
      return Array.from(values.subarray(from, from + batch.sequenceCount[row]!), Number);
    };
  if (kind === "address") return (row) => formatAddress(batch.ipVersion[row]!, values as Uint8Array, row);
  if (kind === "time") {
    const format = timeFormatter();
    return (row) => format(values[row] as bigint);
  }
  if (kind === "protocol") return (row) => protocolName(Number(values[row]));
  if (kind === "endReason") return (row) => END_REASONS[Number(values[row])]!;
  return (row) => Number(values[row]);
}

const NS_PER_SECOND = 1_000_000_000n;

/** Nanoseconds since the epoch as RFC 3339 with all nine digits: 2016-03-01T12:00:00.123456789Z. */
export function formatTime(ns: bigint): string {
  return timeFormatter()(ns);
}

/** Times that follow each other are mostly of one second: it is put into words once. */
function timeFormatter(): (ns: bigint) => string {
  let second: bigint | undefined;
  let text = "";
  return (ns) => {
    let seconds = ns / NS_PER_SECOND;
    let fraction = Number(ns % NS_PER_SECOND);
    if (fraction < 0) {
      fraction += Number(NS_PER_SECOND);
      seconds--;
    }
    if (seconds !== second) {
      second = seconds;
      text = new Date(Number(seconds) * 1000).toISOString().slice(0, -".000Z".length);
    }
    return `${text}.${String(fraction).padStart(9, "0")}Z`;
  };
}

/** float32 has some seven digits: six places say all there is, and none of float64's noise. */
function roundProbability(probability: number): number {
  return Math.round(probability * 1e6) / 1e6;
}
