// The images of a comparison: published sets, the sample captures, datasets of the user's own; each under each mask, made
// once a process (masking 35,000 images takes a tenth of a second, less than reading them), without duplicates.
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import { packageRoot } from "../../bindings/package-root.ts";
import type { Mask } from "../capture/names.ts";
import { buildDataset } from "../dataset/build.ts";
import { maskDataset, maskingNotes } from "../dataset/mask-dataset.ts";
import { openDataset } from "../dataset/open.ts";
import { makeSplit } from "../dataset/split.ts";
import type { Dataset, DatasetManifest } from "../dataset/types.ts";
import {
  checkSets,
  IMAGE_SETS,
  type ImageSetName,
  type LoadedSet,
  limitSet,
  loadSet,
  type SetLimits,
} from "../reproduce/image-sets.ts";
import { SAMPLES } from "./settings.ts";

export interface ComparedSet {
  /** As it was asked for. */
  readonly set: string;
  readonly title: string;
  readonly view: DatasetManifest["view"];
  readonly mask: DatasetManifest["mask"];
  /** "given", or what can be made of it: "random", and "group" where capture files are known. */
  readonly splits: readonly ("given" | "random" | "group")[];
  /** Its `name` is what cells are called by: set and mask. */
  readonly loaded: LoadedSet;
  readonly caution: string;
}

const isPublished = (name: string): name is ImageSetName => Object.hasOwn(IMAGE_SETS, name);

export interface SetRequest {
  readonly sets: readonly string[];
  readonly masks: readonly Mask[];
  readonly data: string | undefined;
  readonly out: string;
  readonly limits: SetLimits | undefined;
}

/**
 * Every set under every mask that changes it: images of view l7 hold no headers, and stand there once, with mask none.
 * @throws ERR_ARGUMENT (a name that is neither), ERR_IO (a folder is missing), ERR_DATASET_FORMAT
 */
export async function loadSets(request: SetRequest): Promise<ComparedSet[]> {
  const { sets, masks, data, limits } = request;
  const published = sets.filter(isPublished);
  if (published.length > 0) {
    if (data === undefined)
      throw invalidArgument("data", `the folder that holds ${published.join(", ")}`, "nothing");
    await checkSets(data, published);
  }
  const compared: ComparedSet[] = [];
  for (const set of sets) {
    const { dataset, title, notes, caution, name } = await openSet(set, request);
    const { view, mask: own } = dataset.manifest;
    const wanted = view === "l7" ? (["none"] as const) : own === "none" ? masks : [own as Mask];
    for (const mask of wanted) {
      const masked = await maskDataset(dataset, mask);
      const { masking, duplicatesRemoved, conflictingDuplicates } = masked.manifest;
      const removed = `${duplicatesRemoved} duplicates were removed after masking, ${conflictingDuplicates} rows of equal images had labels that disagree`;
      const about = [
        ...notes,
        `mask ${mask}: ${removed}`,
        ...(view === "l7" ? ["view l7 holds no headers: masks leave its images as they are"] : []),
        ...(own === "none" || view === "l7"
          ? []
          : [`its images have mask ${own}, and no other can be made of them`]),
        ...(masking === undefined ? [] : maskingNotes(masking).map((note) => `mask ${mask}: ${note}`)),
      ];
      compared.push({
        set,
        title,
        view,
        mask: masked.manifest.mask,
        splits: splitsOf(masked),
        loaded: {
          name: `${name}.${mask}`,
          dataset: limits ? limitSet(masked, limits) : masked,
          notes: about,
        },
        caution: mask === "none" ? caution : "",
      });
    }
  }
  return compared;
}

interface OpenedSet {
  readonly name: string;
  readonly dataset: Dataset;
  readonly title: string;
  readonly notes: readonly string[];
  readonly caution: string;
}

async function openSet(set: string, { data, out }: SetRequest): Promise<OpenedSet> {
  if (isPublished(set)) {
    const { dataset, notes } = await loadSet(data!, set);
    const { title, caution } = IMAGE_SETS[set];
    return { name: set, dataset, title, notes, caution: notes.length > 0 ? "" : caution };
  }
  const folder = set === SAMPLES ? await encodedSamples(out) : set;
  const dataset = await openDataset(folder);
  if (dataset.manifest.view === "unknown" || dataset.manifest.mask === "unknown") {
    throw new FlowglyphError(
      "ERR_ARGUMENT",
      `Expected ${set} to say its view and mask but its manifest does not: write it anew with \`flowglyph encode ${set} -o DATASET --view V --mask none\``,
    );
  }
  const captures = dataset.manifest.captures.length;
  const title = set === SAMPLES ? `the sample captures (${captures} files)` : basename(set);
  return { name: set === SAMPLES ? set : basename(set), dataset, title, notes: [], caution: "" };
}

/** In the folder of the comparison, once. */
async function encodedSamples(out: string): Promise<string> {
  const captures = join(fileURLToPath(packageRoot()), "test", "captures");
  if (!existsSync(captures)) {
    throw new FlowglyphError(
      "ERR_IO",
      `Expected the sample captures in ${captures} but they are not there (an installed package has none): name other --sets`,
    );
  }
  const folder = join(out, "sets", SAMPLES);
  if (!existsSync(join(folder, "manifest.json")))
    await buildDataset(captures, { out: folder, view: "l3", mask: "none" });
  return folder;
}

function splitsOf(dataset: Dataset): ComparedSet["splits"] {
  if (dataset.testRows !== undefined) return ["given"];
  if (dataset.groups === undefined) return ["random"];
  try {
    makeSplit(dataset, { kind: "group", labels: 0 });
    return ["random", "group"];
  } catch (error) {
    if (error instanceof FlowglyphError && error.code === "ERR_SPLIT") return ["random"];
    throw error;
  }
}
