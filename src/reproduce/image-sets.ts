// The published image sets that the paper's tables are measured on: where each lies below the data folder, and what is
// known of it that its IDX files do not say.
import { access } from "node:fs/promises";
import { join } from "node:path";
import { FlowglyphError } from "../../bindings/errors.ts";
import { subset } from "../dataset/dataset.ts";
import { isDatasetFolder, openDataset } from "../dataset/open.ts";
import { seededRandom, shuffle } from "../dataset/random.ts";
import type { Dataset } from "../dataset/types.ts";

interface ImageSet {
  readonly title: string;
  readonly view: "pcap" | "l7";
  /** Names of the classes that the published files number. */
  readonly classes: readonly string[];
  /** What a reader of a score on it must know. */
  readonly caution: string;
}

const ISCX_KINDS = ["Chat", "Email", "File", "P2p", "Streaming", "Voip"];
const ISCX = {
  title: "ISCX VPN-nonVPN 2016",
  classes: [...ISCX_KINDS, ...ISCX_KINDS.map((kind) => `VPN ${kind}`)],
};
const USTC = {
  title: "USTC-TFC2016",
  classes:
    "BitTorrent Facetime FTP Gmail MySQL Outlook Skype SMB Weibo WorldOfWarcraft Cridex Geodo Htbot Miuref Neris Nsis-ay Shifu Tinba Virut Zeus".split(
      " ",
    ),
};

export const IMAGE_SETS = {
  "iscx12/SessionAllLayers": {
    ...ISCX,
    view: "pcap",
    caution:
      "unmasked, the images begin with the capture file's headers: the link type tells VPN from non-VPN, and nearest neighbour on the record timestamp alone reaches 99.5 %",
  },
  "iscx12/SessionL7": { ...ISCX, view: "l7", caution: "" },
  "ustc20/SessionAllLayers": {
    ...USTC,
    view: "pcap",
    caution:
      "unmasked, the images begin with the capture file's headers: the record timestamp tells the benign classes apart",
  },
  "ustc20/SessionL7": {
    ...USTC,
    view: "l7",
    caution: "9 % of the published test images are exact copies of training images",
  },
} as const satisfies Record<string, ImageSet>;

/** A set's name is its folder below the data folder. */
export type ImageSetName = keyof typeof IMAGE_SETS;

export interface LoadedSet {
  readonly name: string;
  readonly dataset: Dataset;
  /** What differs from the published set as the paper had it. */
  readonly notes: readonly string[];
}

/** At most this many images of each class, for a small version. */
export interface SetLimits {
  readonly train: number;
  readonly test: number;
}

/** @throws ERR_IO naming every folder that is expected and missing */
export async function checkSets(data: string, names: readonly ImageSetName[]): Promise<void> {
  const missing: string[] = [];
  for (const name of names) if (!(await isDatasetFolder(join(data, name)))) missing.push(join(data, name));
  if (missing.length === 0) return;
  const there = await access(data).then(
    () => "",
    () => `, and there is no ${data}`,
  );
  throw new FlowglyphError(
    "ERR_IO",
    `Expected image sets (train-images-idx3-ubyte.gz, t10k-images-idx3-ubyte.gz and their labels, or a dataset that \`encode\` wrote) in ${missing.join(", ")} but found none${there}`,
  );
}

/**
 * Reads a set. View and mask are those of the published images unless a manifest of ours says otherwise. Where there is
 * only a test part (t10k), its images are split at random.
 * @throws ERR_IO, ERR_DATASET_FORMAT
 */
export async function loadSet(data: string, name: ImageSetName, limits?: SetLimits): Promise<LoadedSet> {
  const { view, classes, title } = IMAGE_SETS[name];
  const read = await openDataset(join(data, name));
  const notes: string[] = [];
  let dataset: Dataset = read;
  if (read.manifest.view === "unknown") {
    const numbered = read.classes.every((label, i) => label === String(i));
    const named = numbered && read.classes.length === classes.length ? classes : read.classes;
    const manifest = { ...read.manifest, view, mask: "none", classes: named } as const;
    dataset = { ...read, classes: named, manifest };
    if (named.length !== classes.length)
      notes.push(`${named.length} classes, not the ${classes.length} of ${title}`);
  } else {
    notes.push(
      `not the published images: made by flowglyph encode from ${read.manifest.captures.length} captures`,
    );
  }
  if (dataset.testRows !== undefined && dataset.testRows.length === dataset.count) {
    dataset = { ...dataset, testRows: undefined };
    notes.push("only the t10k part is there: split at random");
  }
  if (limits !== undefined) dataset = limitSet(dataset, limits);
  return { name, dataset, notes };
}

/** Rows chosen by a fixed seed: a small version is the same wherever it runs. */
export function limitSet(dataset: Dataset, limits: SetLimits): Dataset {
  const isTest = new Set(dataset.testRows ?? []);
  const parts = dataset.classes.map(() => ({ train: [] as number[], test: [] as number[] }));
  for (let row = 0; row < dataset.count; row++) {
    parts[dataset.labels[row]!]?.[isTest.has(row) ? "test" : "train"].push(row);
  }
  const random = seededRandom(1);
  const take = (rows: number[], limit: number) => shuffle(rows, random).slice(0, limit);
  const rows = parts.flatMap(({ train, test }) => [...take(train, limits.train), ...take(test, limits.test)]);
  return subset(
    dataset,
    rows.sort((a, b) => a - b),
  );
}
