/** One curve a model in one plot, so that models of different depths can be compared. */
import type { ExperimentResult, ResultRow } from "../result.ts";
import { type Axis, DEPTH_AXIS, type ScaleKind } from "./axes.ts";
import { curvesPanel } from "./curves.ts";
import { numberOf, pointsOf } from "./rows.ts";
import type { Panel } from "./spec.ts";
import { SERIES_COLORS } from "./theme.ts";

/** What several models are compared by, a panel each. */
export interface Comparison {
  readonly title: string;
  readonly panels: readonly ComparedStatistic[];
}

export interface ComparedStatistic {
  readonly title: string;
  readonly y: string;
  readonly scale: ScaleKind;
  readonly rows: (result: ExperimentResult) => readonly ResultRow[];
  readonly height?: number;
  /** Absent: relative depth. */
  readonly x?: Axis;
  /** Absent: `layer` / (L − 1). */
  readonly at?: (row: ResultRow, result: ExperimentResult) => number | null;
}

/** null where no model has such rows. */
export function comparedPanel(results: readonly ExperimentResult[], compared: ComparedStatistic, wide: boolean): Panel | null {
  const { title, y, scale, rows, height, x = DEPTH_AXIS, at = relativeDepth } = compared;
  const curves = results.map((result, i) => ({
    name: result.model.id,
    color: SERIES_COLORS[i % SERIES_COLORS.length] as string,
    points: pointsOf(rows(result), (row) => at(row, result)),
  }));
  return curvesPanel({ title, x, y, scale, height, curves, names: curves, legend: true, wide });
}

/** layer / (L − 1): 0 for the first layer, 1 for the last; 0 where there is only one. */
export function relativeDepth(row: ResultRow, { model }: ExperimentResult, key = "layer"): number | null {
  const layer = numberOf(row, key);
  return layer === null ? null : layer / Math.max(1, model.n_layers - 1);
}
