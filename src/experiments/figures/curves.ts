/** Means over a place on the x axis as lines, with what is known of their spread as bands. */
import { type Axis, reached, type ScaleKind, valueAxis } from "./axes.ts";
import { colorOf, type Named, position } from "./channels.ts";
import type { Point } from "./rows.ts";
import type { Boundary } from "./segmentation.ts";
import type { Layer, Panel } from "./spec.ts";
import { COLOR, HALF, WIDE } from "./theme.ts";

type Channel = ReturnType<typeof position>;

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
  readonly wide?: boolean;
  readonly height?: number;
}

/** Bands of more curves than this are lighter. */
const MANY = 3;

/** null where no curve has a point that the scale can show. */
export function curvesPanel(panel: CurvesPanel): Panel | null {
  const { quartiles = false, legend = false, wide = false, height = wide ? 190 : 150, levels = [], strokes = [], bars } = panel;
  const curves = panel.curves
    .map((curve) => ({ ...curve, points: curve.points.filter(({ mean }) => panel.scale !== "log" || mean > 0) }))
    .filter(({ points }) => points.length > 0);
  const points = [...curves, ...(bars ? [bars] : [])].flatMap((curve) => curve.points);
  if (points.length === 0) return null;
  const others = [...levels.map(({ value }) => value), ...strokes.map(({ y }) => y), ...(panel.reach ?? [])];
  const means = [...points.map(({ mean }) => mean), ...others];
  const axis = valueAxis(panel.y, panel.scale, means, [...reached(points, quartiles), ...others], Math.max(3, height / 40));
  const x = position("x", panel.x);
  const y = position("y", axis);
  const color = colorOf(panel.names ?? [...(bars ? [bars] : []), ...curves], legend);
  const width = wide ? WIDE : HALF;
  const most = Math.max(...curves.map((curve) => curve.points.length), bars?.points.length ?? 0);
  const dots = most <= width / 7.5 ? { point: { size: 17, filled: true } } : {};
  const layers: Layer[] = [
    ...(panel.boundaries ?? []).flatMap((boundary) => boundaryLayers(boundary, panel.x, x)),
    ...(strokes.length > 0 ? [strokesLayer(strokes, Math.min(12, width / most / 2), x, y)] : []),
    ...(bars ? barLayers(bars, (width / most) * 0.7, x, y, color) : []),
    ...(quartiles ? [band(curves, axis, "q25", "q75", 0.11, x, y, color)] : []),
    band(curves, axis, "low", "high", curves.length > MANY ? 0.15 : 0.3, x, y, color),
    ...levels.flatMap((level) => levelLayers(level, axis, panel.x)),
    lines(
      curves.filter(({ dashed }) => !dashed),
      x,
      y,
      color,
      dots,
    ),
    lines(
      curves.filter(({ dashed }) => dashed),
      x,
      y,
      color,
      { strokeDash: [3, 2.5] },
    ),
  ];
  return { title: { text: panel.title, limit: width + 20 }, width, height, layer: layers };
}

/** Bars from 0 and, as thin lines, the intervals of their heights. */
function barLayers(bars: Curve, size: number, x: Channel, y: Channel, color: ReturnType<typeof colorOf>): Layer[] {
  const values = bars.points.map(({ x, mean, low, high }) => ({ x, y: mean, a: low ?? mean, b: high ?? mean, s: bars.name }));
  return [
    { data: { values }, mark: { type: "bar", size }, encoding: { x, y, y2: { datum: 0 }, color } },
    {
      data: { values },
      mark: { type: "rule", color: COLOR.grey, strokeWidth: 1.2 },
      encoding: { x, y: { ...y, field: "a" }, y2: { field: "b" } },
    },
  ];
}

function lines(curves: readonly Curve[], x: Channel, y: Channel, color: ReturnType<typeof colorOf>, look: object): Layer {
  const values = curves.flatMap(({ name, points }) => points.map(({ x, mean }) => ({ x, y: mean, s: name })));
  return { data: { values }, mark: { type: "line", strokeWidth: 1.6, ...look }, encoding: { x, y, color } };
}

function boundaryLayers({ after, low, high }: Boundary, { domain }: Axis, x: Channel): Layer[] {
  const [first, last] = domain;
  const within = (value: number) => Math.min(Math.max(value, first), last);
  const rule: Layer = {
    data: { values: [{ x: within(after + 0.5) }] },
    mark: { type: "rule", strokeDash: [4, 3], color: "#5f5f5f" },
    encoding: { x },
  };
  if (low === null || high === null) return [rule];
  const interval: Layer = {
    data: { values: [{ x: within(low + 0.5 - MARGIN), z: within(high + 0.5 + MARGIN) }] },
    mark: { type: "rect", color: "#e4e4e4" },
    encoding: { x, x2: { field: "z" } },
  };
  return [interval, rule];
}

/** Layers: an interval of one place can still be seen. */
const MARGIN = 0.15;

function strokesLayer(values: CurvesPanel["strokes"] = [], size: number, x: Channel, y: Channel): Layer {
  return {
    data: { values: [...values] },
    mark: { type: "tick", orient: "horizontal", size, thickness: 1.2, color: COLOR.sky, opacity: 0.8 },
    encoding: { x, y },
  };
}

/** An area between two numbers of each point, cut off where the axis ends. */
function band(
  curves: readonly Curve[],
  { domain }: Axis,
  from: "low" | "q25",
  to: "high" | "q75",
  opacity: number,
  x: Channel,
  y: Channel,
  color: ReturnType<typeof colorOf>,
): Layer {
  const within = (value: number) => Math.min(Math.max(value, domain[0]), domain[1]);
  const values = curves.flatMap(({ name, points }) =>
    points.flatMap((point) => {
      const [low, high] = [point[from], point[to]];
      return low === null || high === null ? [] : [{ x: point.x, y: within(low), z: within(high), s: name }];
    }),
  );
  return {
    data: { values },
    mark: { type: "area", opacity, line: false },
    encoding: { x, y, y2: { field: "z" }, color },
  };
}

/** A dashed line across the plot, its name at the right end above it. */
function levelLayers({ value, text }: Level, y: Axis, x: Axis): Layer[] {
  if (value === y.domain[0]) return []; // the axis is drawn there
  const at = { data: { values: [{ x: x.domain[1], y: value, t: text }] } };
  const rule: Layer = {
    ...at,
    mark: { type: "rule", strokeDash: [4, 3], color: COLOR.grey },
    encoding: { y: position("y", y) },
  };
  if (text === "") return [rule]; // an empty text would still take room
  const name = { type: "text", align: "right", baseline: "bottom", dy: -2, fontSize: 10 } as const;
  const encoding = { x: position("x", x), y: position("y", y), text: { field: "t" } };
  return [
    rule,
    { ...at, mark: { ...name, color: "white", stroke: "white", strokeWidth: 3, opacity: 0.8 }, encoding },
    { ...at, mark: { ...name, color: "#5f5f5f" }, encoding },
  ];
}
