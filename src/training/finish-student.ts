// The end of distilling: the student in floating point and in integers, both measured beside the teacher; the better one is
// calibrated, scored and exported.
import { cpus } from "node:os";
import { Tensor } from "../../bindings/torch/index.ts";
import { gatherImages, gatherLabels } from "../dataset/dataset.ts";
import type { Dataset, Split } from "../dataset/types.ts";
import type { Patchwise } from "../models/patchwise.ts";
import { emitPatchwiseInt8 } from "../models/patchwise-int8.ts";
import { measureRanges } from "../models/patchwise-ranges.ts";
import { openModel } from "../onnx/check.ts";
import type { Agreement, ModelMetadata } from "../onnx/metadata.ts";
import { measureSpeeds, SPEED_BATCH } from "../onnx/speed.ts";
import { logitsGraph, traceModel } from "../onnx/trace.ts";
import { calibrateNetwork } from "./calibrate.ts";
import { finishRun } from "./finish-run.ts";
import { poolRows } from "./phase-plan.ts";
import { gatherBatch } from "./predict.ts";
import { modelMetadata, type RunMetrics, type StudentForm } from "./run-metrics.ts";
import type { Int8 } from "./student-size.ts";
import type { Teacher } from "./teacher.ts";
import type { RunRequest } from "./train.ts";
import type { Trained } from "./train-network.ts";

export interface FinishedStudent {
  readonly trained: Trained;
  readonly student: Patchwise;
  readonly teacher: Teacher;
  /** float32 [pool + validation + test, K]: the teacher's probabilities of those rows, in that order. */
  readonly probabilities: Float32Array;
  readonly int8: Int8;
  readonly request: RunRequest;
}

/** The student in one arithmetic. */
interface Form {
  readonly arithmetic: StudentForm["arithmetic"];
  encode(metadata: ModelMetadata): Uint8Array;
  /** Rows of the dataset -> float32 [rows.length, K], logits or logarithms. */
  scores(rows: Uint32Array): Promise<Float32Array>;
}

// Unlabelled sessions whose values set the ranges of integers, in batches; and on which integers must say what floating point
// does: the student has learned from them, but not in integers.
const RANGE_BATCH = 64;
const RANGE_IMAGES = 2048;
// Sessions that speeds are measured on.
const SPEED_IMAGES = 1024;
// Integers are worth it from this gain in speed on, at a loss of at most this share of the teacher's verdicts.
const WORTH = 1.1;
const WORTH_LOSS = 0.003;
// Of a probability that float32 rounds to 0.
const LEAST_LOGARITHM = -100;

export async function finishStudent(finished: FinishedStudent): Promise<RunMetrics> {
  const { trained, student, teacher, int8, request } = finished;
  const { dataset, config } = request;
  const { split, history, keepLast } = trained;
  const plain = modelMetadata(dataset, split, config, null);
  const forms: Form[] = [
    {
      arithmetic: "float32",
      encode: (metadata) =>
        traceModel({ logits: (backend, images) => student.logits(backend, images) }, metadata),
      scores: trained.scores,
    },
  ];
  if (int8 !== "off") forms.push(integerForm(finished, plain));

  const files = forms.map(({ encode }) => encode(plain));
  const images = gatherImages(dataset, poolRows(split).subarray(0, SPEED_IMAGES));
  const [teacherSpeed = 0, ...speeds] = await measureSpeeds([teacher.model, ...files], images, {
    signal: request.options.signal,
  });
  const told: StudentForm[] = [];
  for (const [i, form] of forms.entries()) {
    const { arithmetic } = form;
    const agreed = await agreements(form, finished);
    told.push({ arithmetic, perSecond: Math.round(speeds[i]!), bytes: files[i]!.length, ...agreed });
  }
  const kept = keptForm(told, int8);
  const form = forms[kept]!;
  const { arithmetic, validation, test, perSecond } = told[kept]!;
  const { model, sha256, metadata } = teacher;
  const summary = {
    teacher: { model: metadata.model, sha256, bytes: model.length },
    arithmetic,
    validation,
    test,
    speed: {
      processor: cpus()[0]?.model ?? "",
      batch: SPEED_BATCH,
      teacher: Math.round(teacherSpeed),
      student: perSecond,
    },
  };
  return finishRun({
    scores: form.scores,
    calibrated: calibrateNetwork({
      scores: await form.scores(split.validation),
      labels: gatherLabels(dataset, split.validation),
      classes: dataset.classes.length,
    }),
    encode: form.encode,
    dataset,
    split,
    config,
    history,
    run: request.options.run,
    keepLast,
    distilled: { summary, forms: told },
  });
}

function integerForm({ trained, student, request }: FinishedStudent, plain: ModelMetadata): Form {
  const { dataset } = request;
  const { backend, split } = trained;
  const rows = evenly(poolRows(split), RANGE_IMAGES);
  const images = Tensor.fromBuffer(dataset.images, [dataset.count, 28, 28]);
  const batches = Array.from(
    { length: Math.ceil(rows.length / RANGE_BATCH) },
    (_, i) => () => gatherBatch(images, rows.subarray(i * RANGE_BATCH, (i + 1) * RANGE_BATCH), backend),
  );
  const ranges = measureRanges(student, backend, batches);
  images.dispose();
  const encode = (metadata: ModelMetadata) =>
    logitsGraph(metadata, (graph, input) => emitPatchwiseInt8(graph, input, student, ranges));
  const classes = dataset.classes.length;
  return {
    arithmetic: "int8",
    encode,
    // Integers round where floats do not: what the file says is what the student says.
    async scores(wanted) {
      const model = await openModel(encode(plain), classes);
      try {
        const probabilities = await model.run(gatherImages(dataset, wanted), SPEED_BATCH);
        return probabilities.map((share) => Math.max(LEAST_LOGARITHM, Math.log(share)));
      } finally {
        await model.release();
      }
    },
  };
}

/** Integers where they are wanted, or faster and of the same opinion. The held-out rows have no say. */
function keptForm(forms: readonly StudentForm[], int8: Int8): number {
  const [plain, integers] = forms;
  if (plain === undefined || integers === undefined) return 0;
  const loss = plain.learned - integers.learned;
  return int8 === "on" || (integers.perSecond >= WORTH * plain.perSecond && loss <= WORTH_LOSS) ? 1 : 0;
}

async function agreements(
  { scores }: Form,
  { trained, probabilities, request }: FinishedStudent,
): Promise<Pick<StudentForm, "learned" | "validation" | "test">> {
  const { dataset } = request;
  const { split } = trained;
  const { validation, test } = split;
  const pool = poolRows(split);
  const classes = dataset.classes.length;
  const answers = (first: number, count: number) =>
    probabilities.subarray(first * classes, (first + count) * classes);
  const of = async (rows: Uint32Array, teacher: Float32Array) =>
    agreement(dataset, rows, await scores(rows), teacher);
  const places = evenly(Uint32Array.from(pool.keys()), RANGE_IMAGES);
  const learned = await of(
    places.map((place) => pool[place]!),
    Float32Array.from([...places].flatMap((place) => [...answers(place, 1)])),
  );
  return {
    learned: learned.same,
    validation: await of(validation, answers(pool.length, validation.length)),
    test: await of(test, answers(pool.length + validation.length, test.length)),
  };
}

function agreement(
  dataset: Dataset,
  rows: Split["test"],
  student: Float32Array,
  teacher: Float32Array,
): Agreement {
  const classes = dataset.classes.length;
  const labels = gatherLabels(dataset, rows);
  const said = { student: verdicts(student, classes), teacher: verdicts(teacher, classes) };
  const share = (holds: (row: number) => boolean) =>
    [...rows.keys()].filter(holds).length / Math.max(1, rows.length);
  const accuracy = (who: "student" | "teacher") =>
    rows.length === 0 ? null : share((row) => said[who][row] === labels[row]);
  return {
    rows: rows.length,
    teacher: accuracy("teacher"),
    student: accuracy("student"),
    same: share((row) => said.student[row] === said.teacher[row]),
  };
}

function verdicts(scores: Float32Array, classes: number): number[] {
  return Array.from({ length: scores.length / classes }, (_, row) => {
    const own = scores.subarray(row * classes, (row + 1) * classes);
    return own.indexOf(Math.max(...own));
  });
}

function evenly(rows: Uint32Array, count: number): Uint32Array {
  if (rows.length <= count) return rows;
  return Uint32Array.from({ length: count }, (_, i) => rows[Math.floor((i * rows.length) / count)]!);
}
