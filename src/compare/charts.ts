// Which charts a comparison has. The plotting library is loaded when they are drawn.
import type { ComparedLine } from "../reproduce/figures/comparison.ts";
import type { ComparedSetting, Comparison } from "./summary.ts";

export interface Chart {
  readonly set: string;
  readonly file: string;
  readonly caption: string;
  readonly svg: string;
}

/** For each set, mask and split accuracy by label count; for each set whose mask varies, what masks do to each model. */
export async function drawCharts({ settings }: Comparison): Promise<Chart[]> {
  const { drawComparison } = await import("../reproduce/figures/comparison.ts");
  const charts: Chart[] = [];
  const draw = async (set: string, name: string, caption: string, line: ComparedLine) => {
    const svg = await drawComparison(line);
    const file = `${set.replaceAll(/[^\w]+/g, "-")}-${name}.svg`;
    if (svg !== undefined) charts.push({ set, file, caption, svg });
  };
  for (const group of groupsBy(settings, ({ set, mask, split }) => [set, mask, split])) {
    const { set, title, view, mask, split } = group[0]!;
    const line = {
      title: `${set}: accuracy by label count`,
      subtitle: `${title}, view ${view}, mask ${mask}, split ${split}; bars: standard deviation over seeds`,
      xTitle: "labelled images",
      labels: group.map(({ labels }) => labels),
      points: group.flatMap(({ labels, models }) => pointsOf(models, () => labels)),
    };
    await draw(
      set,
      `${mask}-${split}`,
      `Accuracy by label count: ${set}, mask ${mask}, split ${split}`,
      line,
    );
  }
  for (const group of groupsBy(settings, ({ set, split }) => [set, split])) {
    const masks = [...new Set(group.map(({ mask }) => mask))];
    if (masks.length < 2) continue;
    const { set, title, view, split } = group[0]!;
    const counts = [...new Set(group.map(({ labels }) => labels))];
    const line = {
      title: `${set}: what masks take away`,
      subtitle: `${title}, view ${view}, split ${split}; label counts ${counts.join(", ")}; trees`,
      xTitle: "mask",
      labels: masks,
      points: group.flatMap(({ mask, labels, models }) =>
        pointsOf(
          models.filter(({ contender }) => contender === "trees"),
          () => mask,
        ).map((point) => ({ ...point, who: `${labels} labels` })),
      ),
    };
    await draw(set, `masks-${split}`, `What masks take away from trees: ${set}, split ${split}`, line);
  }
  return charts;
}

function pointsOf(models: ComparedSetting["models"], label: () => string): ComparedLine["points"] {
  return models.flatMap(({ title, scores }) =>
    scores === null ? [] : [{ label: label(), who: title, ...scores.accuracy }],
  );
}

function groupsBy<T>(values: readonly T[], key: (value: T) => unknown): T[][] {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const id = JSON.stringify(key(value));
    groups.set(id, [...(groups.get(id) ?? []), value]);
  }
  return [...groups.values()];
}
