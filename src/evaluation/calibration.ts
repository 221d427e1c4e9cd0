// Whether a probability of 0.9 is right nine times in ten.
import { type Calibrator, calibratedProbabilities, UNCALIBRATED, uncalibratedScores } from "./calibrator.ts";

export interface CalibrationBin {
  /** Bin of confidence: above `from`, up to and including `to`. */
  readonly from: number;
  readonly to: number;
  readonly images: number;
  /** Mean probability of the class that was predicted. */
  readonly confidence: number;
  /** Share of the bin's images that were predicted right. */
  readonly accuracy: number;
}

export interface Calibration {
  /** Bins that hold images, ascending. */
  readonly bins: readonly CalibrationBin[];
  /** Mean over images of |confidence - accuracy| of their bin (expected calibration error). */
  readonly expectedError: number;
  /** Mean of -ln(probability of the true class), probabilities clipped to 1e-15. */
  readonly logLoss: number;
}

export type CalibrationErrors = Pick<Calibration, "expectedError" | "logLoss">;

/** What a calibrator is, and the errors on test images before and after it; null without test images. */
export interface CalibrationOutcome extends Calibrator {
  readonly rows: number;
  readonly source: "validation" | "cross-fit" | "none";
  readonly before: CalibrationErrors | null;
  readonly after: CalibrationErrors | null;
}

/** What a calibrator did to the probabilities that came out of it, as `calibration` takes them. */
export function calibrationOutcome(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  classCount: number,
  summary: Omit<CalibrationOutcome, "before" | "after">,
): CalibrationOutcome {
  if (labels.length === 0) return { ...summary, before: null, after: null };
  const scores = uncalibratedScores(probabilities, classCount, summary);
  const raw = calibratedProbabilities(scores, classCount, UNCALIBRATED);
  const errors = (of: ArrayLike<number>): CalibrationErrors => {
    const { expectedError, logLoss } = calibration(of, labels, classCount);
    return { expectedError, logLoss };
  };
  return { ...summary, before: errors(raw), after: errors(probabilities) };
}

/**
 * @param probabilities float [labels.length, classCount], row major
 * @param binCount bins of equal width over [0, 1]
 */
export function calibration(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  classCount: number,
  binCount = 10,
): Calibration {
  const bins = Array.from({ length: binCount }, () => ({ images: 0, confidence: 0, correct: 0 }));
  let logLoss = 0;
  for (let i = 0; i < labels.length; i++) {
    let best = 0;
    for (let c = 1; c < classCount; c++) {
      if (probabilities[i * classCount + c]! > probabilities[i * classCount + best]!) best = c;
    }
    const confidence = probabilities[i * classCount + best]!;
    const bin = bins[Math.min(binCount - 1, Math.max(0, Math.ceil(confidence * binCount) - 1))]!;
    bin.images++;
    bin.confidence += confidence;
    if (best === labels[i]) bin.correct++;
    logLoss -= Math.log(Math.max(1e-15, probabilities[i * classCount + labels[i]!]!));
  }
  const filled = bins
    .map(({ images, confidence, correct }, i) => ({
      from: i / binCount,
      to: (i + 1) / binCount,
      images,
      confidence: confidence / images,
      accuracy: correct / images,
    }))
    .filter(({ images }) => images > 0);
  const images = Math.max(1, labels.length);
  const error = filled.reduce((sum, bin) => sum + bin.images * Math.abs(bin.confidence - bin.accuracy), 0);
  return { bins: filled, expectedError: error / images, logLoss: logLoss / images };
}
