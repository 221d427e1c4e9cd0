// manifest.json: how a dataset was made. Written as the last file of a dataset, so that a folder with one is whole.
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FlowglyphError } from "../../bindings/errors.ts";
import { completeExtraction } from "../capture/extraction.ts";
import { MASKS, ORDERS, VIEWS } from "../capture/names.ts";
import { isResolved } from "../capture/options.ts";
import { systemReason } from "../system-error.ts";
import type { DatasetManifest } from "./types.ts";

export const MANIFEST_FILE = "manifest.json";

export async function writeManifest(path: string, manifest: DatasetManifest): Promise<void> {
  try {
    await writeFile(`${path}.partial`, `${JSON.stringify(manifest, null, 2)}\n`);
    await rename(`${path}.partial`, path);
  } catch (error) {
    throw new FlowglyphError("ERR_IO", `Cannot write ${path}: ${systemReason(error)}`, { cause: error });
  }
}

/** Reads and checks `folder`/manifest.json; undefined where there is none. */
export async function readManifestIfPresent(folder: string): Promise<DatasetManifest | undefined> {
  const path = join(folder, MANIFEST_FILE);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new FlowglyphError("ERR_IO", `Cannot read ${path}: ${systemReason(error)}`, { cause: error });
  }
  return parseManifest(text, path);
}

/**
 * Checks every field of a manifest's text; `path` is named in errors.
 * @throws FlowglyphError ERR_DATASET_FORMAT
 */
export function parseManifest(text: string, path: string): DatasetManifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new FlowglyphError(
      "ERR_DATASET_FORMAT",
      `${path}: expected JSON but it is none (${(error as Error).message})`,
      {
        cause: error,
      },
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FlowglyphError("ERR_DATASET_FORMAT", `${path}: expected a JSON object`);
  }
  const fields = value as Record<string, unknown>;
  for (const [name, { expected, check }] of Object.entries(FIELDS)) {
    if (!check(fields[name])) {
      const received = JSON.stringify(fields[name])?.slice(0, 100);
      throw new FlowglyphError(
        "ERR_DATASET_FORMAT",
        `${path}: expected ${name} to be ${expected} but received ${received}`,
      );
    }
  }
  const manifest = value as DatasetManifest;
  const missing = manifest.classes.find((name) => !Object.hasOwn(manifest.counts, name));
  if (missing !== undefined) {
    throw new FlowglyphError(
      "ERR_DATASET_FORMAT",
      `${path}: expected counts to hold class ${JSON.stringify(missing)}`,
    );
  }
  return {
    ...manifest,
    idleTimeout: manifest.idleTimeout,
    activeTimeout: manifest.activeTimeout,
    ...(completeExtraction(manifest) as Pick<
      DatasetManifest,
      "order" | "decap" | "protocols" | "closeTimeout"
    >),
  };
}

interface Field {
  readonly expected: string;
  readonly check: (value: unknown) => boolean;
}
const isText = (value: unknown): boolean => typeof value === "string";
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isTextList = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const oneOf = (values: readonly string[]): Field => ({
  expected: `one of ${values.join(", ")}`,
  check: (value) => values.includes(value as string),
});
const count: Field = { expected: "a whole number, 0 or more", check: isCount };
const seconds: Field = {
  expected: "seconds, 0 or more, or absent",
  check: (value) => value === undefined || (typeof value === "number" && value >= 0),
};

const isCounts = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.values(value).every(isCount);
const optional = ({ expected, check }: Field): Field => ({
  expected: `${expected}, or absent`,
  check: (value) => value === undefined || check(value),
});
const resolved = (name: "decap" | "protocols", expected: string): Field =>
  optional({ expected, check: (value) => value === "unknown" || isResolved(name, value) });
const textList: Field = { expected: "an array of strings", check: isTextList };

const FIELDS: Readonly<Record<keyof DatasetManifest, Field>> = {
  format: oneOf(["flowglyph-dataset"]),
  formatVersion: { expected: "1 (this version of flowglyph reads no other)", check: (value) => value === 1 },
  toolVersion: { expected: "a string", check: isText },
  view: oneOf([...VIEWS, "unknown"]),
  mask: oneOf([...MASKS, "unknown"]),
  order: optional(oneOf([...ORDERS, "unknown"])),
  decap: resolved("decap", '"all", "none", "unknown" or a list of tunnels'),
  protocols: resolved("protocols", '"all", "unknown" or a list of protocols'),
  idleTimeout: seconds,
  activeTimeout: seconds,
  closeTimeout: seconds,
  sequence: optional(count),
  memoryBytes: optional(count),
  merge: optional({ expected: "true or false", check: (value) => typeof value === "boolean" }),
  classes: {
    expected: "an array of distinct strings",
    check: (value) => isTextList(value) && new Set(value as string[]).size === (value as string[]).length,
  },
  counts: {
    expected: "an object of whole numbers by class",
    check: isCounts,
  },
  images: count,
  duplicatesRemoved: count,
  conflictingDuplicates: count,
  emptySessions: optional(count),
  unlabelled: count,
  captures: textList,
  source: { expected: "a string", check: isText },
  capturePaths: optional(textList),
  packets: optional(count),
  sessionPackets: optional(count),
  skipped: optional({
    expected: "an object of whole numbers by reason",
    check: isCounts,
  }),
  captureWarnings: optional(textList),
  masking: optional({
    expected: "counts of masking",
    check: (value) => {
      const { images, hidden, ...numbers } = (value ?? {}) as Record<string, unknown>;
      return isCounts(images) && isCounts(hidden) && isCounts(numbers);
    },
  }),
};
