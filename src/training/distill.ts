// `distill`: a trained run and a dataset become a small, fast model that answers like it, in a run folder as any other.
// The teacher answers once for every session of the training part, labelled or not; the student learns those answers
// (docs/distill.md). The test part is asked about and never learned from.
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import { resolveDevice } from "../../bindings/torch/index.ts";
import { gatherImages } from "../dataset/dataset.ts";
import type { Dataset, Split } from "../dataset/types.ts";
import { distilledModel } from "../models/distillation.ts";
import { Patchwise } from "../models/patchwise.ts";
import { resolveModelOptions } from "../models/registry.ts";
import { makeFolder } from "../output-path.ts";
import { writeJson } from "./atomic-file.ts";
import { resolveConfig, type TrainingConfig } from "./config.ts";
import { finishStudent } from "./finish-student.ts";
import { poolRows } from "./phase-plan.ts";
import { checkResume, runFingerprint } from "./resume.ts";
import { readRunConfig, runPath, writeRunSplit } from "./run-folder.ts";
import type { RunMetrics } from "./run-metrics.ts";
import { chooseSize, INT8, type Int8, type StudentShape, type StudentSize } from "./student-size.ts";
import {
  checkSameTask,
  distillationSplit,
  readTeacher,
  type Teacher,
  teacherProbabilities,
} from "./teacher.ts";
import type { TrainOptions, TrainResult } from "./train.ts";
import { trainPhases } from "./train-network.ts";

/** The keys of a training config that mean something here; the rest are the teacher's, or follow from the student. */
export const DISTILL_KEYS = [
  "seed",
  "device",
  "threads",
  "batchSize",
  "learningRate",
  "epochs",
  "checkpointSeconds",
] as const satisfies readonly (keyof TrainingConfig)[];

export type DistillConfig = Partial<Pick<TrainingConfig, (typeof DISTILL_KEYS)[number]>>;

export interface DistillOptions extends TrainOptions {
  /** How many times the teacher's sessions a second are asked for: the largest student that gives them is taken. 20. */
  readonly speedup?: number | undefined;
  /** Whether it computes in integers: `auto` (the default) where that is faster and says the same, `on`, `off`. */
  readonly int8?: Int8 | undefined;
  /** Instead of what `speedup` asks for. */
  readonly shape?: StudentShape | undefined;
  /** Called when the size of the student is known, before it is trained. */
  readonly onSize?: (size: StudentSize, split: Split) => void;
}

/** How a student is trained; what is given goes first. */
export const DISTILL_DEFAULTS = {
  batchSize: 128,
  learningRate: 3e-3,
  epochs: 12,
  // Of a small dataset an epoch is several passes: a student needs some thousand steps.
  minEpochSteps: 150,
} as const;

const DEFAULT_SPEEDUP = 20;
// Sessions that speeds are measured on.
const SPEED_IMAGES = 1024;

/** distill.json: what the run was started with, beside config.json. */
interface DistillFile {
  readonly formatVersion: 1;
  readonly teacher: { readonly run: string; readonly model: string; readonly sha256: string };
  readonly speedup: number;
  readonly int8: Int8;
  readonly size: StudentSize;
}

/**
 * Trains a small model on the answers of the run `teacher`, calibrates and scores it as `train` does, and measures both.
 * With one seed, thread count, width and libtorch the weights are the same bit by bit on the CPU, however often the run
 * was stopped and resumed.
 *
 * @param dataset The one that the teacher was trained on: its test and validation rows stay what they are, and all others
 *   teach. Or another of the same view, mask and classes.
 * @throws ERR_ARGUMENT (also: `teacher` is no run), ERR_MODEL_FORMAT, ERR_LABELS, ERR_SPLIT, ERR_TORCH_MISSING, ERR_DEVICE,
 *   ERR_ABORTED, ERR_DIVERGED, ERR_CHECKPOINT, ERR_EXPORT_MISMATCH, ERR_INFERENCE, ERR_IO
 */
export async function distill(
  teacherRun: string,
  dataset: Dataset,
  given: DistillConfig,
  options: DistillOptions,
): Promise<TrainResult> {
  const { run, signal } = options;
  checkOptions(options);
  if (resolve(teacherRun) === resolve(run)) {
    throw invalidArgument("run", "another folder than the teacher's", run);
  }
  const teacher = await readTeacher(teacherRun);
  checkSameTask(teacher, dataset);
  const split = await distillationSplit(teacher, dataset);
  await makeFolder(run);
  const resumed = await readResumed(options, teacher);
  const asked = {
    speedup: options.speedup ?? resumed?.speedup ?? DEFAULT_SPEEDUP,
    int8: options.int8 ?? resumed?.int8 ?? "auto",
  };
  const size = resumed?.size ?? (await sizeOf(teacher, dataset, split, options, asked));
  const config = await studentConfig(teacher, size, given, resumed !== undefined ? run : undefined);
  options.onSize?.(size, split);

  const rows = Uint32Array.from([...poolRows(split), ...split.validation, ...split.test]);
  const fingerprint = `${runFingerprint(dataset, split, config)} ${teacher.sha256}`;
  const begin = async () => {
    for (const file of ["model", "metrics", "history", "pretrained", "checkpoint"] as const)
      await rm(runPath(run, file), { force: true });
    await writeJson(runPath(run, "config"), config);
    await writeRunSplit(run, split, dataset);
    const about = { run: teacher.run, model: teacher.metadata.model, sha256: teacher.sha256 };
    await writeJson(runPath(run, "distill"), { formatVersion: 1, teacher: about, ...asked, size });
  };
  if (resumed === undefined) await begin();
  const probabilities = await teacherProbabilities(teacher, dataset, rows, runPath(run, "teacher"), {
    threads: config.threads,
    signal,
    onProgress: (done, all) => tellTeacher(options, done, all),
  });

  const classes = dataset.classes.length;
  const student = new Patchwise(classes, size).initialize(config.seed);
  const pool = poolRows(split).length;
  const model = distilledModel(student, {
    learningRate: config.learningRate,
    probabilities: probabilities.slice(0, pool * classes),
  });
  const resume = existsSync(runPath(run, "checkpoint"));
  const request = { dataset, split, config, fingerprint, options, resume, begin: async () => undefined };
  const { metrics, history } = await trainPhases(request, model, (trained) =>
    finishStudent({
      trained,
      student,
      teacher,
      probabilities,
      int8: asked.int8,
      request,
    }),
  );
  const warnings = [...metrics.warnings, ...(size.teacher === null ? [] : shortfall(metrics, asked.speedup))];
  return { metrics, config, history, warnings, model: runPath(run, "model") };
}

/** Where the machine could not give what was asked for. */
function shortfall({ distilled }: RunMetrics, speedup: number): string[] {
  if (distilled === undefined) return [];
  const { teacher, student } = distilled.summary.speed;
  const reached = student / teacher;
  if (reached >= speedup) return [];
  return [
    `${speedup} times the teacher's speed was asked for, and this student has ${reached.toFixed(1)} times`,
  ];
}

function checkOptions({ speedup, int8, shape }: DistillOptions): void {
  if (speedup !== undefined && !(speedup > 0 && Number.isFinite(speedup)))
    throw invalidArgument("speedup", "a number above 0", speedup);
  if (int8 !== undefined && !INT8.includes(int8)) throw invalidArgument("int8", INT8.join(", "), int8);
  if (shape !== undefined) resolveModelOptions("patchwise", { ...shape });
}

/** What the folder's run was started with, where it is to go on. @throws ERR_ARGUMENT where other things are asked for now */
async function readResumed(options: DistillOptions, teacher: Teacher): Promise<DistillFile | undefined> {
  const { run, resume, overwrite, speedup, int8, shape } = options;
  const path = runPath(run, "distill");
  const holds = [path, runPath(run, "checkpoint")].some((file) => existsSync(file));
  if (holds && resume !== true && overwrite !== true) {
    throw invalidArgument("run", "a folder without a run, or resume or overwrite to be set", run);
  }
  if (resume !== true || !holds) return undefined;
  if (!existsSync(path)) throw invalidArgument("run", "the folder of a distilled run to resume", run);
  const saved = JSON.parse(await readFile(path, "utf8")) as DistillFile;
  if (saved.teacher.sha256 !== teacher.sha256) {
    throw new FlowglyphError(
      "ERR_CHECKPOINT",
      `Expected the teacher that ${run} was started with (${saved.teacher.run}) but ${teacher.run} holds another model`,
    );
  }
  for (const [name, now, before] of [
    ["speedup", speedup, saved.speedup],
    ["int8", int8, saved.int8],
    ["width", shape?.width, saved.size.width],
    ["bytes", shape?.bytes, saved.size.bytes],
  ] as const) {
    if (now !== undefined && now !== before)
      throw invalidArgument(name, `${before}, as the run was started with`, now);
  }
  return saved;
}

async function sizeOf(
  teacher: Teacher,
  dataset: Dataset,
  split: Split,
  { shape, signal }: DistillOptions,
  asked: { readonly speedup: number; readonly int8: Int8 },
): Promise<StudentSize> {
  if (shape !== undefined) return { ...shape, teacher: null, measured: [] };
  const images = gatherImages(dataset, poolRows(split).subarray(0, SPEED_IMAGES));
  return chooseSize(teacher, images, { ...asked, signal });
}

/** The student's training config: the teacher's labels and split, its own model and steps. */
async function studentConfig(
  { config }: Teacher,
  { width, bytes }: StudentSize,
  given: DistillConfig,
  resumed: string | undefined,
) {
  if (resumed !== undefined) {
    const saved = await readRunConfig(resumed);
    const config = checkResume(saved, given);
    return { ...config, device: resolveDevice(config.device) };
  }
  const { labels, validationShare, testShare, split, seed } = config;
  const own = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const unknown = Object.keys(own).find((key) => !(DISTILL_KEYS as readonly string[]).includes(key));
  if (unknown !== undefined) throw invalidArgument("config", `keys of ${DISTILL_KEYS.join(", ")}`, unknown);
  const resolved = resolveConfig({
    ...{ labels, validationShare, testShare, split, seed, unlabeled: "all" },
    ...DISTILL_DEFAULTS,
    ...own,
    model: "patchwise",
    modelOptions: { width, bytes },
  });
  return { ...resolved, device: resolveDevice(resolved.device) };
}

function tellTeacher({ onProgress }: DistillOptions, done: number, all: number): void {
  onProgress?.({
    phase: "teacher's answers",
    phaseIndex: 0,
    phases: 2,
    epoch: 1,
    epochs: 1,
    step: done,
    steps: all,
    loss: undefined,
    validationAccuracy: undefined,
    secondsLeft: Number.NaN,
  });
}
