/** What other orders of the middle layers do to the predictions (Transformer Layers as Painters). */
import type { ExperimentResult } from "../result.ts";
import { type Axis, DEPTH_AXIS, wholeTicks } from "./axes.ts";
import { relativeDepth } from "./comparison.ts";
import { type Curve, curvesPanel, SEM_BANDS } from "./curves.ts";
import { AGREEMENT, DIVERGENCE, lettered } from "./effects.ts";
import type { Figure } from "./figure.ts";
import { isNumber, isString, pointsOf, rowsOf, valuesOf } from "./rows.ts";
import { compose, madeFrom, subjectOf } from "./spec.ts";
import { COLOR, SERIES_COLORS } from "./theme.ts";

const TITLE = "Other schedules of the middle layers";
const COLORS: Readonly<Record<string, string>> = {
  skip: COLOR.vermilion,
  reverse: COLOR.blue,
  shuffle: COLOR.sky,
  parallel: COLOR.purple,
  "loop-parallel": COLOR.orange,
  "repeat-middle": COLOR.green,
};
const PANELS = [DIVERGENCE, AGREEMENT];

function operationsOf({ table }: ExperimentResult): string[] {
  return valuesOf(table.rows, "operation", isString);
}

function curvesOf(result: ExperimentResult, statistic: string): Curve[] {
  return operationsOf(result).map((operation, i) => ({
    name: operation,
    color: COLORS[operation] ?? SERIES_COLORS[i % SERIES_COLORS.length] ?? COLOR.grey,
    points: pointsOf(rowsOf(result.table, statistic, { operation }), "start"),
  }));
}

/** A shuffle may leave the order as it is; 0 has no place on a logarithmic axis. */
function unseen({ table }: ExperimentResult): string[] {
  const same = rowsOf(table, DIVERGENCE.statistic).filter(({ mean }) => mean === 0);
  const names = same.map(({ operation, start }) => `${operation} from ${start}`);
  return names.length === 0 ? [] : [`Not in (a): KL is 0 for ${names.join(", ")}`];
}

function startAxis({ table }: ExperimentResult): Axis {
  const most = Math.max(0, ...valuesOf(table.rows, "start", isNumber));
  return {
    title: "start s: layers s + 1 … L − s − 1 are changed",
    domain: [-0.3, most + 0.3],
    ticks: wholeTicks(most + 1),
    labels: "datum.value",
  };
}

export const layerSchedules: Figure = {
  draw(result) {
    return compose({
      title: TITLE,
      notes: [madeFrom(result), SEM_BANDS, ...unseen(result)],
      subject: subjectOf(result),
      panels: PANELS.map(({ statistic, title, axis, scale }, i) =>
        curvesPanel({
          title: lettered(i, title),
          x: startAxis(result),
          y: axis,
          scale,
          curves: curvesOf(result, statistic),
          legend: i === 0,
          wide: true,
        }),
      ),
    });
  },
  compared: (results) => ({
    title: TITLE,
    panels: [...new Set(results.flatMap(operationsOf))].map((operation) => ({
      title: `${operation}: top-1 predictions kept`,
      y: AGREEMENT.axis,
      scale: AGREEMENT.scale,
      rows: ({ table }) => rowsOf(table, AGREEMENT.statistic, { operation }),
      x: { ...DEPTH_AXIS, title: "relative start, s / (L − 1)", domain: [-0.01, 0.51], ticks: [0, 0.1, 0.2, 0.3, 0.4, 0.5] },
      at: (row, result) => relativeDepth(row, result, "start"),
    })),
  }),
};
