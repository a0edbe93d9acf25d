/** The parts of a plot of curves. */
import type { Axis } from "./axes.ts";
import { type colorOf, position } from "./channels.ts";
import type { Curve, Level } from "./curves.ts";
import type { Boundary } from "./segmentation.ts";
import type { Layer } from "./spec.ts";
import { COLOR } from "./theme.ts";

/** The plot's axes and colours; the fields are x, y and s. */
export interface Channels {
  readonly x: ReturnType<typeof position>;
  readonly y: ReturnType<typeof position>;
  readonly color: ReturnType<typeof colorOf>;
}

export function lineLayer(curves: readonly Curve[], { x, y, color }: Channels, look: object): Layer {
  const values = curves.flatMap(({ name, points }) => points.map(({ x, mean }) => ({ x, y: mean, s: name })));
  return { data: { values }, mark: { type: "line", strokeWidth: 1.6, ...look }, encoding: { x, y, color } };
}

/** An area between two numbers of each point, cut off where the axis ends. */
export function bandLayer(
  curves: readonly Curve[],
  from: "low" | "q25",
  to: "high" | "q75",
  opacity: number,
  axis: Axis,
  { x, y, color }: Channels,
): Layer {
  const values = curves.flatMap(({ name, points }) =>
    points.flatMap((point) => {
      const [low, high] = [point[from], point[to]];
      return low === null || high === null ? [] : [{ x: point.x, y: within(low, axis), z: within(high, axis), s: name }];
    }),
  );
  const mark = { type: "area" as const, opacity, line: false };
  return { data: { values }, mark, encoding: { x, y, y2: { field: "z" }, color } };
}

/** Bars from 0 and, as thin lines, the intervals of their heights. */
export function barLayers(bars: Curve, size: number, axis: Axis, { x, y, color }: Channels): Layer[] {
  const values = bars.points.map(({ x, mean, low, high }) => {
    const [from, to] = [within(low ?? mean, axis), within(high ?? mean, axis)];
    return { x, y: mean, a: from, b: to, s: bars.name };
  });
  return [
    { data: { values }, mark: { type: "bar", size }, encoding: { x, y, y2: { datum: 0 }, color } },
    {
      data: { values },
      mark: { type: "rule", color: COLOR.grey, strokeWidth: 1.2 },
      encoding: { x, y: { ...y, field: "a" }, y2: { field: "b" } },
    },
  ];
}

/** A short horizontal stroke for each value. */
export function strokesLayer(
  strokes: readonly { readonly x: number; readonly y: number }[],
  size: number,
  { x, y }: Channels,
): Layer {
  return {
    data: { values: [...strokes] },
    mark: { type: "tick", orient: "horizontal", size, thickness: 1.2, color: COLOR.sky, opacity: 0.8 },
    encoding: { x, y },
  };
}

/** Layers: an interval of one place can still be seen. */
const MARGIN = 0.15;

/** A dashed line between two layers, and grey over the places where it may be. */
export function boundaryLayers({ after, low, high }: Boundary, axis: Axis, { x }: Pick<Channels, "x">): Layer[] {
  const rule: Layer = {
    data: { values: [{ x: within(after + 0.5, axis) }] },
    mark: { type: "rule", strokeDash: [4, 3], color: COLOR.dim },
    encoding: { x },
  };
  if (low === null || high === null) return [rule];
  const interval: Layer = {
    data: { values: [{ x: within(low + 0.5 - MARGIN, axis), z: within(high + 0.5 + MARGIN, axis) }] },
    mark: { type: "rect", color: "#e4e4e4" },
    encoding: { x, x2: { field: "z" } },
  };
  return [interval, rule];
}

/** A dashed line across the plot, its name at the right end above it. */
export function levelLayers({ value, text }: Level, y: Axis, x: Axis): Layer[] {
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
    { ...at, mark: { ...name, color: COLOR.dim }, encoding },
  ];
}

function within(value: number, { domain: [first, last] }: Axis): number {
  return Math.min(Math.max(value, first), last);
}
