// Which class a session belongs to: from the folder of its capture, or from a label file (CSV).
import { readFile } from "node:fs/promises";
import { basename, relative, sep } from "node:path";
import { CsvError, parse } from "csv-parse/sync";
import { FlowglyphError } from "../../bindings/errors.ts";
import { type InputCapture, PROTOCOLS } from "../capture/index.ts";
import { systemReason } from "../system-error.ts";
import { type AddressKey, addressKey } from "./address-key.ts";
import { FILE_COLUMNS } from "./columns.ts";

/** The 5-tuple of a session; addresses as `addressKey` gives them. */
export interface SessionKey {
  readonly protocol: number;
  readonly initiator: AddressKey;
  readonly initiatorPort: number;
  readonly responder: AddressKey;
  readonly responderPort: number;
}

export interface Labeller {
  /** All classes it may give, sorted. */
  readonly classes: readonly string[];
  /** Index of the session's class, -1 where it has none. `capture` is an index into the captures given at the start. */
  labelOf(capture: number, key: () => SessionKey): number;
  /** What of the label source met no session: one line each. Asked at the end. */
  unmatched(): string[];
}

/**
 * Folder name = class. Below an input folder R: `R/<class>/.../x.pcap`; captures that lie in R itself have R's own name when
 * R has no class folders. A file that was named itself has no class.
 */
export function folderClasses(captures: readonly InputCapture[]): (string | undefined)[] {
  const below = ({ path, root }: InputCapture): string[] =>
    root === undefined ? [] : relative(root, path).split(sep);
  const rootsWithClasses = new Set(captures.filter((c) => below(c).length > 1).map(({ root }) => root));
  return captures.map((capture) => {
    const segments = below(capture);
    if (segments.length > 1) return segments[0]!;
    if (capture.root === undefined || rootsWithClasses.has(capture.root)) return undefined;
    return basename(capture.root);
  });
}

export function folderLabeller(captures: readonly InputCapture[]): Labeller {
  const names = folderClasses(captures);
  const classes = [...new Set(names.filter((name) => name !== undefined))].sort();
  const labels = names.map((name) => (name === undefined ? -1 : classes.indexOf(name)));
  return { classes, labelOf: (capture) => labels[capture]!, unmatched: () => [] };
}

const TUPLE_COLUMNS = [
  "protocol",
  "initiator_address",
  "initiator_port",
  "responder_address",
  "responder_port",
] as const;
const COLUMNS = ["row", "capture", ...TUPLE_COLUMNS, "class"] as const;
type Column = (typeof COLUMNS)[number];
// The class of such verdicts; src/results names it too.
const UNDECIDED = "unknown";
// What else a results CSV of `classify` holds: corrected verdicts serve as labels. Any other column may be a misspelling.
const IGNORED: readonly string[] = [...FILE_COLUMNS, "best_class", "probability", "image"];

/** One line of a label file; undefined = any. */
export interface LabelRule {
  readonly line: number;
  readonly class: string;
  /** Of a dataset, as `suggest` writes it; where it is known, nothing else matters. Captures have no rows. */
  readonly row: number | undefined;
  /** Digest of that row's image (`imageDigest`), to know the dataset by. */
  readonly image: string | undefined;
  readonly capture: string | undefined;
  readonly protocol: number | undefined;
  readonly initiator: AddressKey | undefined;
  readonly initiatorPort: number | undefined;
  readonly responder: AddressKey | undefined;
  readonly responderPort: number | undefined;
}

/** Reads a label file. @throws FlowglyphError ERR_IO, ERR_LABELS with the line number */
export async function readLabelFile(path: string): Promise<LabelRule[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new FlowglyphError("ERR_IO", `Cannot read the label file ${path}: ${systemReason(error)}`, {
      cause: error,
    });
  }
  return parseLabels(text, path);
}

/**
 * Parses a label file: CSV (commas, semicolons or tabs) with a header of `class` and any of `row`, `capture`, `protocol`, `initiator_address`, `initiator_port`,
 * `responder_address`, `responder_port`. An empty cell means any. `path` is named in errors.
 */
export function parseLabels(text: string, path: string): LabelRule[] {
  let records: { record: Record<string, string>; info: { lines: number } }[];
  let header: string[] = [];
  try {
    records = parse(text, {
      columns: (names: string[]) => {
        header = names.map((name) => name.trim().toLowerCase());
        return header;
      },
      bom: true,
      delimiter: delimiterOf(text),
      trim: true,
      skip_empty_lines: true,
      info: true,
    }) as unknown as typeof records;
  } catch (error) {
    const line =
      error instanceof CsvError && typeof error.lines === "number" ? `${path}:${error.lines}` : path;
    throw new FlowglyphError("ERR_LABELS", `${line}: expected CSV but ${(error as Error).message}`, {
      cause: error,
    });
  }
  const unknown = header.find(
    (name) => !(COLUMNS as readonly string[]).includes(name) && !IGNORED.includes(name),
  );
  if (unknown !== undefined) {
    throw labelError(path, 1, `columns ${COLUMNS.join(", ")}`, `column ${JSON.stringify(unknown)}`);
  }
  if (new Set(header).size !== header.length) throw labelError(path, 1, "each column once", header.join(","));
  if (!header.includes("class") || header.length < 2) {
    throw labelError(
      path,
      1,
      `column class and at least one of ${COLUMNS.slice(0, -1).join(", ")}`,
      header.join(",") || "nothing",
    );
  }
  if (records.length === 0) throw labelError(path, 2, "at least one rule below the header", "none");
  // Sessions on which `classify` gave no verdict or that `suggest` asked about, and nobody has labelled since.
  const undecided = ({ class: name }: Record<string, string>) =>
    header.includes("best_class") && (name === UNDECIDED || name === "");
  const decided = records.filter(({ record }) => !undecided(record));
  if (decided.length === 0) throw labelError(path, 2, "a class in one line at least", "none");
  return decided.map(({ record, info }) => parseRule(record, path, info.lines));
}

/** Spreadsheets of many languages write semicolons, others tabs: the header tells, whose names hold none of them. */
function delimiterOf(text: string): string {
  const header = text.slice(0, text.search(/[\r\n]|$/));
  return [",", ";", "\t"].find((delimiter) => header.includes(delimiter)) ?? ",";
}

function parseRule(record: Record<string, string>, path: string, line: number): LabelRule {
  const cell = (column: Column): string | undefined => record[column] || undefined;
  const name = cell("class");
  if (name === undefined) throw labelError(path, line, "a class", "an empty cell");
  if (COLUMNS.slice(0, -1).every((column) => cell(column) === undefined)) {
    throw labelError(path, line, "a capture, protocol, address or port beside the class", "only empty cells");
  }
  const number = (column: Column, largest: number): number | undefined => {
    const text = cell(column);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!/^\d+$/.test(text) || value > largest) {
      throw labelError(path, line, `${column} to be a whole number up to ${largest}`, JSON.stringify(text));
    }
    return value;
  };
  const address = (column: Column): AddressKey | undefined => {
    const text = cell(column);
    if (text === undefined) return undefined;
    const key = addressKey(text);
    if (key === undefined) {
      throw labelError(path, line, `${column} to be an IPv4 or IPv6 address`, JSON.stringify(text));
    }
    return key;
  };
  const protocols: Readonly<Record<string, number>> = PROTOCOLS;
  return {
    line,
    class: name,
    row: number("row", 2 ** 32 - 1),
    image: record.image || undefined,
    capture: cell("capture"),
    protocol: protocols[cell("protocol")?.toLowerCase() ?? ""] ?? number("protocol", 255),
    initiator: address("initiator_address"),
    initiatorPort: number("initiator_port", 65_535),
    responder: address("responder_address"),
    responderPort: number("responder_port", 65_535),
  };
}

/**
 * Labels sessions by rules: the first rule of the file that fits wins. The two ends of a 5-tuple may be given in either
 * order. A rule's capture is a path or its last parts (`a.pcap`, `day1/a.pcap`).
 */
export function ruleLabeller(rules: readonly LabelRule[], captures: readonly string[]): Labeller {
  const classes = [...new Set(rules.map((rule) => rule.class))].sort();
  const labels = rules.map((rule) => classes.indexOf(rule.class));
  const used = new Uint8Array(rules.length);
  // Rules that fit each capture: a table of those with a whole 5-tuple, and a list of those with wildcards. File order.
  const plans = captures.map((capture) => {
    const exact = new Map<string, number>();
    const wild: number[] = [];
    for (const [i, rule] of rules.entries()) {
      if (isOfRow(rule)) continue;
      if (rule.capture !== undefined && !isSamePath(capture, rule.capture)) continue;
      const key = exactKey(rule);
      if (key === undefined) wild.push(i);
      else if (!exact.has(key)) exact.set(key, i);
    }
    return { exact, wild };
  });
  return {
    classes,
    labelOf(capture, keyOf) {
      const { exact, wild } = plans[capture]!;
      if (exact.size === 0 && wild.length === 0) return -1;
      const key = keyOf();
      let found = exact.size > 0 ? (exact.get(tupleKey(key)) ?? rules.length) : rules.length;
      for (const i of wild) {
        if (i >= found) break;
        if (fits(rules[i]!, key)) found = i;
      }
      if (found === rules.length) return -1;
      used[found] = 1;
      return labels[found]!;
    },
    unmatched: () =>
      rules
        .filter((_, i) => used[i] === 0)
        .map((rule) => `line ${rule.line} (class ${JSON.stringify(rule.class)}) fits no session`),
  };
}

/** Whether nothing but a row of a dataset is named: it fits no session of captures. */
export function isOfRow(rule: LabelRule): boolean {
  const { capture, protocol, initiator, initiatorPort, responder, responderPort } = rule;
  const named = [capture, protocol, initiator, initiatorPort, responder, responderPort];
  return named.every((value) => value === undefined);
}

function isSamePath(capture: string, given: string): boolean {
  const path = given.replace(/^\.\//, "");
  return capture === given || capture === path || capture.endsWith(`/${path}`);
}

function fits(rule: LabelRule, key: SessionKey): boolean {
  if (rule.protocol !== undefined && rule.protocol !== key.protocol) return false;
  const ends = (
    address: AddressKey | undefined,
    port: number | undefined,
    of: "initiator" | "responder",
  ): boolean =>
    (address === undefined || address === key[of]) && (port === undefined || port === key[`${of}Port`]);
  return (
    (ends(rule.initiator, rule.initiatorPort, "initiator") &&
      ends(rule.responder, rule.responderPort, "responder")) ||
    (ends(rule.initiator, rule.initiatorPort, "responder") &&
      ends(rule.responder, rule.responderPort, "initiator"))
  );
}

/** The same text for both directions of a 5-tuple. */
function tupleKey(key: SessionKey): string {
  const a = `${key.initiator} ${key.initiatorPort}`;
  const b = `${key.responder} ${key.responderPort}`;
  return a < b ? `${key.protocol} ${a} ${b}` : `${key.protocol} ${b} ${a}`;
}

function exactKey(rule: LabelRule): string | undefined {
  const { protocol, initiator, initiatorPort, responder, responderPort } = rule;
  if (protocol === undefined || initiator === undefined || responder === undefined) return undefined;
  if (initiatorPort === undefined || responderPort === undefined) return undefined;
  return tupleKey({ protocol, initiator, initiatorPort, responder, responderPort });
}

const labelError = (path: string, line: number, expected: string, received: string): FlowglyphError =>
  new FlowglyphError("ERR_LABELS", `${path}:${line}: expected ${expected} but received ${received}`);
