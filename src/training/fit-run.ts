// A fitted model's run: fitted to the whole label budget, scored and exported, in the same files as a network's. Needs no
// libtorch. Its history is one line: the phase `fit`, one epoch, a step each part of the work (a tree).
import { FlowglyphError } from "../../bindings/errors.ts";
import { gatherImages, gatherLabels, imageSource } from "../dataset/dataset.ts";
import type { FittedModel, FittedRow, FittedState } from "../models/fitted.ts";
import { fittedGraph } from "../onnx/fitted-graph.ts";
import { writeAtomically } from "./atomic-file.ts";
import { calibrateFitted, logarithms } from "./calibrate.ts";
import { finishRun } from "./finish-run.ts";
import { type FittedCheckpoint, loadFittedCheckpoint, saveFittedCheckpoint } from "./fitted-checkpoint.ts";
import { type EpochRecord, historyLines } from "./history.ts";
import { checkFingerprint } from "./resume.ts";
import { runPath } from "./run-folder.ts";
import type { RunMetrics } from "./run-metrics.ts";
import type { RunRequest } from "./train.ts";

const PHASE = "fit";
// How often progress is told: more often than eyes follow would only cost.
const PROGRESS_MS = 100;

export async function fitRun(
  row: FittedRow,
  request: RunRequest,
): Promise<{ metrics: RunMetrics; history: readonly EpochRecord[] }> {
  const { dataset, split, config, fingerprint, options } = request;
  const { run, signal } = options;
  const existing = request.resume ? await loadFittedCheckpoint(runPath(run, "checkpoint")) : undefined;
  if (existing !== undefined) checkFingerprint(existing.fingerprint, fingerprint, run);
  else await request.begin();
  const { model, history } = await fitRows(row, request, existing);
  await writeAtomically(runPath(run, "history"), [historyLines(history)]);
  for (const record of history) options.onEpoch?.(record);
  const { threads } = config;
  const metrics = await finishRun({
    scores: async (rows) => logarithms(await model.predict(gatherImages(dataset, rows), { threads, signal })),
    calibrated: await calibrateFitted(row, request, model),
    encode: (metadata) => fittedGraph(model, metadata),
    dataset,
    split,
    config,
    history,
    run,
  });
  return { metrics, history };
}

async function fitRows(
  row: FittedRow,
  { dataset, split, config, fingerprint, options }: RunRequest,
  existing: FittedCheckpoint | undefined,
): Promise<{ model: FittedModel; history: readonly EpochRecord[] }> {
  const path = runPath(options.run, "checkpoint");
  const start = performance.now();
  const before = existing?.seconds ?? 0;
  const seconds = () => before + (performance.now() - start) / 1000;
  const save = (state: FittedState, steps: number, done: boolean, spent = seconds()) =>
    saveFittedCheckpoint(path, { fingerprint, seconds: spent, steps, done, state });

  let saved = start;
  let told = Number.NEGATIVE_INFINITY;
  let steps = existing?.steps ?? 0;
  const firstStep = steps;
  // From here on the folder holds a run that can be resumed.
  if (existing === undefined) await save(new Map(), 0, false);
  if (options.signal?.aborted) {
    throw new FlowglyphError("ERR_ABORTED", "Fitting was stopped; resume goes on with it");
  }
  // A model needs no early stopping, so the validation rows, which are part of the label budget, teach too.
  const rows = Uint32Array.from([...split.labelled, ...split.validation]);
  const model = await row.fit({
    images: gatherImages(dataset, rows),
    labels: gatherLabels(dataset, rows),
    unlabelled: imageSource(dataset, split.unlabelled),
    classes: dataset.classes.length,
    seed: config.seed,
    options: config.modelOptions,
    threads: config.threads,
    signal: options.signal,
    saved: existing?.state,
    onProgress(done, all) {
      steps = done;
      const now = performance.now();
      if (now - told < PROGRESS_MS && done < all) return;
      told = now;
      const secondsAStep = (now - start) / 1000 / Math.max(1, done - firstStep);
      options.onProgress?.({
        phase: PHASE,
        phaseIndex: 0,
        phases: 1,
        epoch: 1,
        epochs: 1,
        step: done,
        steps: all,
        loss: undefined,
        validationAccuracy: undefined,
        secondsLeft: (all - done) * secondsAStep,
      });
    },
    async checkpoint(state) {
      if (performance.now() - saved < config.checkpointSeconds * 1000) return;
      await save(state(), steps, false);
      saved = performance.now();
    },
  });
  // A run that was finished before keeps the time that it took then: what the checkpoint says is what the history says.
  const spent = existing?.done === true ? existing.seconds : seconds();
  if (existing?.done !== true) await save(model.state(), steps, true, spent);
  const record: EpochRecord = {
    phase: PHASE,
    epoch: 1,
    steps,
    losses: {},
    accuracies: {},
    seconds: Math.round(spent * 1000) / 1000,
  };
  return { model, history: [record] };
}
