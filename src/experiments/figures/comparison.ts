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
  /** What dashed lines are. */
  readonly note?: string;
}

export interface ComparedStatistic {
  readonly title: string;
  readonly y: string;
  readonly scale: ScaleKind;
  readonly rows: (result: ExperimentResult) => readonly ResultRow[];
  /** A value that the curve is compared with: a dashed line across, in the model's colour. null: none. */
  readonly across?: (result: ExperimentResult) => number | null;
  readonly height?: number;
  /** Absent: relative depth. */
  readonly x?: Axis;
  /** Absent: `layer` / (L − 1). */
  readonly at?: (row: ResultRow, result: ExperimentResult) => number | null;
}

/** Of a point without interval and quartiles. */
const BARE = { low: null, high: null, q25: null, q75: null };

/** null where no model has such rows. */
export function comparedPanel(results: readonly ExperimentResult[], compared: ComparedStatistic, wide: boolean): Panel | null {
  const { title, y, scale, rows, height, across, x = DEPTH_AXIS, at = relativeDepth } = compared;
  const curves = results.map((result, i) => ({
    name: result.model.id,
    color: SERIES_COLORS[i % SERIES_COLORS.length] as string,
    points: pointsOf(rows(result), (row) => at(row, result)),
  }));
  const dashed = curves.flatMap((curve, i) => {
    const mean = across?.(results[i] as ExperimentResult) ?? null;
    return mean === null ? [] : [{ ...curve, dashed: true, points: x.domain.map((end) => ({ ...BARE, x: end, mean })) }];
  });
  return curvesPanel({ title, x, y, scale, height, curves: [...curves, ...dashed], names: curves, legend: true, wide });
}

/** layer / (L − 1): 0 for the first layer, 1 for the last; 0 where there is only one. */
export function relativeDepth(row: ResultRow, { model }: ExperimentResult, key = "layer"): number | null {
  const layer = numberOf(row, key);
  return layer === null ? null : layer / Math.max(1, model.n_layers - 1);
}
