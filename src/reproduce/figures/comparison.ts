// A comparison as pictures: for each set, mask and split accuracy by label count, a line a model.
import { accuracyLines, accuracyPoint } from "./accuracy.ts";
import { renderSvg } from "./svg.ts";

export interface ComparedLine {
  readonly title: string;
  readonly subtitle: string;
  readonly xTitle: string;
  readonly labels: readonly string[];
  readonly points: readonly {
    readonly label: string;
    readonly who: string;
    /** Shares, 0 to 1. */
    readonly mean: number;
    readonly deviation: number;
  }[];
}

/** Undefined where nothing was run. */
export async function drawComparison(line: ComparedLine): Promise<string | undefined> {
  const { title, subtitle, xTitle, labels, points } = line;
  const spec = accuracyLines({
    description: `Accuracy: ${title}`,
    title,
    subtitle,
    xTitle,
    labels,
    contenders: [...new Set(points.map(({ who }) => who))],
    ours: points.map(({ label, who, mean, deviation }) =>
      accuracyPoint(label, who, 100 * mean, 100 * deviation),
    ),
    paper: [],
  });
  return spec && renderSvg(spec);
}
