/** Means over a place on the x axis as lines, with what is known of their spread as bands. */
import { type Axis, reached, type ScaleKind, valueAxis } from "./axes.ts";
import { colorOf, type Named, position } from "./channels.ts";
import { bandLayer, barLayers, boundaryLayers, levelLayers, lineLayer, strokesLayer } from "./curve-layers.ts";
import type { Point } from "./rows.ts";
import type { Boundary } from "./segmentation.ts";
import type { Layer, Panel } from "./spec.ts";
import { HALF, WIDE } from "./theme.ts";

/** How bands are to be read, for a figure's notes. */
export const BANDS = "Lines: means; dark bands: ± 1.96 standard errors; light bands: quartiles";
export const SEM_BANDS = "Lines: means; bands: ± 1.96 standard errors";

export interface Curve extends Named {
  readonly points: readonly Point[];
  /** Over the others, which may lie where it lies. */
  readonly dashed?: boolean;
}

/** A horizontal line that curves are compared with. */
export interface Level {
  readonly value: number;
  readonly text: string;
}

export interface CurvesPanel {
  readonly title: string;
  readonly x: Axis;
  /** The y axis's title, with the unit. */
  readonly y: string;
  readonly scale: ScaleKind;
  readonly curves: readonly Curve[];
  /** Of the legend, where it is shared with other panels. Absent: those of the curves that have points. */
  readonly names?: readonly Named[];
  readonly levels?: readonly Level[];
  /** Between layers: a dashed line after one, and grey where it may be. */
  readonly boundaries?: readonly Boundary[];
  /** What the means are of, a short stroke each, behind the curves. */
  readonly strokes?: readonly { readonly x: number; readonly y: number }[];
  /** Drawn as bars from 0, behind the curves. */
  readonly bars?: Curve;
  /** Values that the y axis reaches too, so that panels side by side have the same. */
  readonly reach?: readonly number[];
  /** Lighter bands from the lower to the upper quartile. */
  readonly quartiles?: boolean;
  readonly legend?: boolean;
  /** Drawn where it has levels only. */
  readonly evenBare?: boolean;
  readonly wide?: boolean;
  readonly height?: number;
}

/** Bands of more curves than this are lighter. */
const MANY = 2;

/** null where no curve has a point that the scale can show. */
export function curvesPanel(panel: CurvesPanel): Panel | null {
  const { quartiles = false, wide = false, height = wide ? 190 : 150, levels = [], strokes = [], bars } = panel;
  const curves = panel.curves
    .map((curve) => ({ ...curve, points: curve.points.filter(({ mean }) => panel.scale !== "log" || mean > 0) }))
    .filter(({ points }) => points.length > 0);
  const drawn = [...(bars ? [bars] : []), ...curves];
  const points = drawn.flatMap((curve) => curve.points);
  if (points.length === 0 && !(panel.evenBare && levels.length > 0)) return null;
  const width = wide ? WIDE : HALF;
  const axis = yAxisOf(panel, points, height);
  const channels = {
    x: position("x", panel.x),
    y: position("y", axis),
    color: colorOf(panel.names ?? drawn, panel.legend ?? false),
  };
  const most = Math.max(1, ...drawn.map((curve) => curve.points.length));
  const dots = most <= width / 7.5 ? { point: { size: 17, filled: true } } : {};
  const solid = curves.filter(({ dashed }) => !dashed);
  const dashed = curves.filter(({ dashed }) => dashed);
  const layer: Layer[] = [
    ...(panel.boundaries ?? []).flatMap((boundary) => boundaryLayers(boundary, panel.x, channels)),
    ...(strokes.length > 0 ? [strokesLayer(strokes, Math.min(12, width / most / 2), channels)] : []),
    ...(bars ? barLayers(bars, (width / most) * 0.7, axis, channels) : []),
    ...(quartiles ? [bandLayer(curves, "q25", "q75", 0.11, axis, channels)] : []),
    bandLayer(curves, "low", "high", curves.length > MANY ? 0.15 : 0.3, axis, channels),
    lineLayer(solid, channels, dots),
    ...(dashed.length > 0 ? [lineLayer(dashed, channels, { strokeDash: [3, 2.5] })] : []),
    ...levels.flatMap((level) => levelLayers(level, axis, panel.x)),
  ];
  return { title: { text: panel.title, limit: width + 20 }, width, height, layer };
}

/** Of the y axis: what points, levels and strokes reach. */
function yAxisOf({ y, scale, quartiles = false, ...panel }: CurvesPanel, points: readonly Point[], height: number): Axis {
  const levels = (panel.levels ?? []).map(({ value }) => value);
  const others = [...levels, ...(panel.strokes ?? []).map((stroke) => stroke.y), ...(panel.reach ?? [])];
  const means = [...points.map(({ mean }) => mean), ...others];
  return valueAxis(y, scale, means, [...reached(points, quartiles), ...others], Math.max(3, height / 40));
}
