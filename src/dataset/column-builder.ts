// Gathers the columns of sessions row by row, while nobody knows how many there will be.
import {
  type AnyColumns,
  FILE_COLUMNS,
  makeNumbers,
  type NumberKind,
  type NumberValues,
  rowOf,
  type SessionColumns,
} from "./columns.ts";

const FIRST_ROWS = 1024;

interface NumberColumn {
  readonly column: string;
  readonly kind: NumberKind;
  readonly steps: number;
  values: NumberValues;
}

export class ColumnBuilder {
  readonly #numbers: NumberColumn[] = [];
  readonly #addresses: { readonly column: string; readonly values: string[] }[] = [];
  readonly #interned = new Map<string, string>();
  #count = 0;
  #capacity = FIRST_ROWS;

  /** `sequence`: steps of the sequence columns, 0 for none of them. */
  constructor(sequence: number) {
    for (const name of FILE_COLUMNS) {
      const { column, kind, sequence: isSequence } = rowOf(name);
      if (kind === "address") this.#addresses.push({ column, values: [] });
      else if (sequence > 0 || !column.startsWith("sequence")) {
        const steps = isSequence ? sequence : 1;
        this.#numbers.push({ column, kind, steps, values: makeNumbers(kind, FIRST_ROWS * steps) });
      }
    }
  }

  /** Adds row `row` of `batch`. */
  add(batch: object, row: number, address: (side: "initiator" | "responder", row: number) => string): void {
    if (this.#count === this.#capacity) this.#grow();
    const from = batch as AnyColumns;
    for (const { column, steps, values } of this.#numbers) {
      const source = from[column] as NumberValues;
      if (steps === 1) values[this.#count] = source[row]!;
      else values.set(source.subarray(row * steps, (row + 1) * steps) as never, this.#count * steps);
    }
    for (const { column, values } of this.#addresses)
      values.push(this.#intern(address(column === "initiatorAddress" ? "initiator" : "responder", row)));
    this.#count++;
  }

  #grow(): void {
    this.#capacity *= 2;
    for (const column of this.#numbers) {
      const larger = makeNumbers(column.kind, this.#capacity * column.steps);
      larger.set(column.values as never);
      column.values = larger;
    }
  }

  /** One string object for equal addresses. */
  #intern(text: string): string {
    const known = this.#interned.get(text);
    if (known !== undefined) return known;
    this.#interned.set(text, text);
    return text;
  }

  finish(): SessionColumns {
    const numbers = this.#numbers.map(({ column, steps, values }) => [
      column,
      values.slice(0, this.#count * steps),
    ]);
    const addresses = this.#addresses.map(({ column, values }) => [column, values]);
    return Object.fromEntries([...numbers, ...addresses]) as SessionColumns;
  }
}
