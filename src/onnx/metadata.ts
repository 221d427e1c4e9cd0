// What a model file says about itself: one metadata_props entry `flowglyph` holding JSON, so that the one file is all
// that `classify` needs.
import { readFile } from "node:fs/promises";
import { FlowglyphError } from "../../bindings/errors.ts";
import { completeExtraction } from "../capture/extraction.ts";
import { MASKS, type Mask, ORDERS, type Order, VIEWS, type View } from "../capture/names.ts";
import { type Decap, isResolved, type ProtocolList } from "../capture/options.ts";
import type { Calibrator } from "../evaluation/calibrator.ts";
import type { RiskLevel } from "../evaluation/risk-coverage.ts";
import { decodeModel } from "./proto.ts";

export const METADATA_KEY = "flowglyph";

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** How the model came to be, and what it scored on the test part of its split. */
export interface TrainingSummary {
  /** The label budget as asked for: `3550` or `10%`. */
  readonly labels: string;
  readonly labelled: number;
  readonly validation: number;
  readonly unlabelled: number;
  readonly test: number;
  readonly split: string;
  readonly seed: number;
  /** Scores on the test part; empty where there is none. */
  readonly scores: { readonly [name: string]: number };
}

/** How the probabilities were made to mean what they say; the graph holds it. */
export interface CalibrationSummary extends Calibrator {
  /** Labelled images that it was fitted on, none of which the scores that were fitted had learned from. */
  readonly rows: number;
  /**
   * What they are: the `validation` rows, which also chose the epoch; all labelled rows, each asked of a model that was fitted
   * without it (`cross-fit`); `none`, where the usual temperature of such models is taken.
   */
  readonly source: "validation" | "cross-fit" | "none";
}

/** How many verdicts were wrong at which threshold, on the images of the calibration (src/evaluation/risk-coverage.ts). */
export interface RiskSummary {
  readonly rows: number;
  readonly source: CalibrationSummary["source"];
  readonly levels: readonly RiskLevel[];
}

/** Verdicts of a student and of its teacher on the same rows. */
export interface Agreement {
  readonly rows: number;
  /** Shares of right verdicts; null where no row has a label. */
  readonly teacher: number | null;
  readonly student: number | null;
  /** Share of rows on which both say the same. */
  readonly same: number;
}

/** How a model came of a larger one (`flowglyph distill`), and what that gained and cost. */
export interface DistilledSummary {
  readonly teacher: { readonly model: string; readonly sha256: string; readonly bytes: number };
  /** Of the patch layers. */
  readonly arithmetic: "float32" | "int8";
  readonly validation: Agreement;
  readonly test: Agreement;
  /** Sessions a second of one thread in batches of `batch`, measured turn by turn on the machine that distilled. */
  readonly speed: {
    readonly processor: string;
    readonly batch: number;
    readonly teacher: number;
    readonly student: number;
  };
}

export interface ModelMetadata {
  readonly formatVersion: 1;
  readonly toolVersion: string;
  /** A row of the model registry. */
  readonly model: string;
  readonly modelOptions: { readonly [key: string]: JsonValue };
  /** Class names in the order of the output `probabilities`. */
  readonly classes: readonly string[];
  readonly view: View | "unknown";
  readonly mask: Mask | "unknown";
  /** Of TCP payload in view `l7`. */
  readonly order: Order | "unknown";
  readonly decap: Decap | "unknown";
  readonly protocols: ProtocolList | "unknown";
  /** Seconds of capture time, 0 = unlimited, null = not known. */
  readonly idleTimeout: number | null;
  readonly activeTimeout: number | null;
  readonly closeTimeout: number | null;
  readonly training: TrainingSummary;
  /** Of a student alone. */
  readonly distilled?: DistilledSummary | undefined;
  /** For the verdict `unknown`. Absent in models of versions that had none, and where no image was left to count on. */
  readonly unknown?: RiskSummary | undefined;
  /** Absent in models of versions that did not calibrate. */
  readonly calibration?: CalibrationSummary | undefined;
}

/**
 * The `flowglyph` metadata of a model file. Reads the file whole.
 * ERR_IO where it cannot be read, ERR_MODEL_FORMAT where it is no ONNX model or not one of ours.
 */
export async function readModelMetadata(path: string): Promise<ModelMetadata> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new FlowglyphError("ERR_IO", `Cannot read the model ${path}: ${(cause as Error).message}`, {
      cause,
    });
  }
  return parseModelMetadata(bytes, path);
}

/** The same from the bytes of a model; `where` names it in messages. */
export function parseModelMetadata(bytes: Uint8Array, where: string): ModelMetadata {
  const entry = decodeModel(bytes, where).metadataProps.find((property) => property.key === METADATA_KEY);
  if (entry === undefined) {
    throw new FlowglyphError(
      "ERR_MODEL_FORMAT",
      `${where} is an ONNX model without a "${METADATA_KEY}" metadata entry: only models that flowglyph exported can classify captures`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(entry.value);
  } catch (cause) {
    throw new FlowglyphError("ERR_MODEL_FORMAT", `The "${METADATA_KEY}" metadata of ${where} is not JSON`, {
      cause,
    });
  }
  return checkMetadata(value, where);
}

function checkMetadata(value: unknown, where: string): ModelMetadata {
  const fail = (field: string, expected: string, received: unknown): never => {
    throw new FlowglyphError(
      "ERR_MODEL_FORMAT",
      `Expected ${field} in the metadata of ${where} to be ${expected} but received ${JSON.stringify(received)}`,
    );
  };
  if (!isRecord(value)) return fail("the entry", "an object", value);
  if (value.formatVersion !== 1) fail("formatVersion", "1", value.formatVersion);
  if (typeof value.toolVersion !== "string") fail("toolVersion", "a string", value.toolVersion);
  if (typeof value.model !== "string") fail("model", "a string", value.model);
  if (!isRecord(value.modelOptions)) fail("modelOptions", "an object", value.modelOptions);
  const classes = value.classes;
  if (!Array.isArray(classes) || classes.length === 0 || classes.some((name) => typeof name !== "string")) {
    fail("classes", "a list of names", classes);
  }
  if (![...VIEWS, "unknown"].includes(value.view as View))
    fail("view", `one of ${VIEWS.join(", ")}`, value.view);
  if (![...MASKS, "unknown"].includes(value.mask as Mask))
    fail("mask", `one of ${MASKS.join(", ")}`, value.mask);
  // Models of versions that had no choice do not say it.
  const { order = "unknown", decap, protocols } = value;
  if (![...ORDERS, "unknown"].includes(order as Order)) fail("order", `one of ${ORDERS.join(", ")}`, order);
  for (const [field, known] of Object.entries({ decap, protocols })) {
    const name = field as "decap" | "protocols";
    if (known !== undefined && known !== "unknown" && !isResolved(name, known))
      fail(field, `what the option ${field} may be`, known);
  }
  for (const field of ["idleTimeout", "activeTimeout", "closeTimeout"] as const) {
    const seconds = field === "closeTimeout" ? (value[field] ?? null) : value[field];
    if (seconds !== null && !(typeof seconds === "number" && seconds >= 0)) {
      fail(field, "seconds, zero or more, or null", seconds);
    }
  }
  if (!isRecord(value.training)) fail("training", "an object", value.training);
  if (value.calibration !== undefined && !isCalibration(value.calibration))
    fail(
      "calibration",
      "a temperature above 0, a chance from 0 to below 1, rows and source",
      value.calibration,
    );
  if (value.unknown !== undefined && !isRisk(value.unknown))
    fail("unknown", "rows, source and levels of threshold, given and wrong verdicts", value.unknown);
  const metadata = value as unknown as ModelMetadata;
  const complete = completeExtraction(metadata);
  return { ...metadata, ...complete, closeTimeout: complete.closeTimeout ?? null };
}

function isRisk(value: unknown): value is RiskSummary {
  if (!isRecord(value) || !Array.isArray(value.levels) || value.levels.length === 0) return false;
  const isCount = (count: unknown) => Number.isSafeInteger(count) && (count as number) >= 0;
  return (
    isCount(value.rows) &&
    ["validation", "cross-fit", "none"].includes(value.source as string) &&
    value.levels.every(
      (level: unknown) =>
        isRecord(level) &&
        typeof level.threshold === "number" &&
        level.threshold >= 0 &&
        level.threshold <= 1 &&
        isCount(level.given) &&
        isCount(level.wrong) &&
        (level.wrong as number) <= (level.given as number),
    )
  );
}

function isCalibration(value: unknown): value is CalibrationSummary {
  if (!isRecord(value)) return false;
  const { temperature, chance, rows, source } = value;
  const inRange = (x: unknown, holds: (x: number) => boolean) => typeof x === "number" && holds(x);
  return (
    inRange(temperature, (x) => x > 0 && Number.isFinite(x)) &&
    inRange(chance, (x) => x >= 0 && x < 1) &&
    inRange(rows, (x) => Number.isSafeInteger(x) && x >= 0) &&
    ["validation", "cross-fit", "none"].includes(source as string)
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
