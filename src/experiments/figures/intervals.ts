/** Named things with a mean and its interval each, one below the other. */
import { type Axis, reached, type ScaleKind, valueAxis } from "./axes.ts";
import { colorOf, type Named, position } from "./channels.ts";
import type { Point } from "./rows.ts";
import type { Layer, Panel } from "./spec.ts";
import { COLOR } from "./theme.ts";

/** How they are to be read, for a figure's notes. */
export const INTERVALS = "Dots: means; lines: ± 1.96 standard errors";

/** A dot: in the line of `label`, in the colour of `series`. */
export interface Interval extends Omit<Point, "x"> {
  readonly label: string;
  readonly series: string;
}

export interface IntervalsPanel {
  readonly title: string;
  /** The x axis's title, with the unit. */
  readonly x: string;
  readonly scale: ScaleKind;
  /** From above. */
  readonly labels: readonly string[];
  readonly series: readonly Named[];
  readonly intervals: readonly Interval[];
  readonly width: number;
  /** The labels stand at the left; else only the lines. */
  readonly labelled?: boolean;
  readonly legend?: boolean;
  readonly quartiles?: boolean;
  /** Pixels of a line. */
  readonly step?: number;
}

/** null where there is no dot that the scale can show. */
export function intervalsPanel(panel: IntervalsPanel): Panel | null {
  const { quartiles = false, labelled = true, legend = false, step = 17, series } = panel;
  const intervals = panel.intervals.filter(({ mean }) => panel.scale !== "log" || mean > 0);
  if (intervals.length === 0) return null;
  const axis = valueAxis(
    panel.x,
    panel.scale,
    intervals.map(({ mean }) => mean),
    reached(intervals, quartiles),
    Math.max(3, panel.width / 45),
  );
  const x = { ...position("x", axis), axis: { ...position("x", axis).axis, grid: true } };
  const y = lines(panel.labels, labelled, series.length > 1 ? 0.35 : 0);
  const yOffset = { field: "s", type: "nominal" as const, scale: { domain: series.map(({ name }) => name) } };
  const shared = series.length > 1 ? { yOffset } : {};
  const color = colorOf(series, legend, "circle");
  const rule = (from: "low" | "q25", to: "high" | "q75", width: number, opacity: number): Layer => ({
    data: { values: intervals.flatMap((interval) => span(interval, interval[from], interval[to], axis)) },
    mark: { type: "rule", strokeWidth: width, opacity },
    encoding: { x, x2: { field: "z" }, y, color, ...shared },
  });
  const zero = axis.domain[0] < 0 && axis.domain[1] > 0 && !axis.log;
  const layer: Layer[] = [
    ...(zero ? [zeroLine(axis)] : []),
    ...(quartiles ? [rule("q25", "q75", 5, 0.22)] : []),
    rule("low", "high", 1.4, 1),
    {
      data: { values: intervals.map(({ label, series, mean }) => ({ l: label, s: series, x: mean })) },
      mark: { type: "point", filled: true, size: 34, opacity: 1 },
      encoding: { x, y, color, ...shared },
    },
  ];
  return {
    title: panel.title,
    width: panel.width,
    height: { step, for: "position" },
    layer,
  };
}

function span({ label, series }: Interval, from: number | null, to: number | null, { domain }: Axis) {
  if (from === null || to === null) return [];
  const within = (value: number) => Math.min(Math.max(value, domain[0]), domain[1]);
  return [{ l: label, s: series, x: within(from), z: within(to) }];
}

/** Names that begin alike can still be told apart. */
const SHORTENED =
  "length(datum.label) > 33 ? slice(datum.label, 0, 18) + '…' + slice(datum.label, length(datum.label) - 14) : datum.label";

/** `gap`: share of a line that is left between it and the next one. */
function lines(labels: readonly string[], labelled: boolean, gap: number) {
  return {
    field: "l",
    type: "nominal" as const,
    scale: { domain: [...labels], paddingInner: gap, paddingOuter: gap / 2 },
    axis: labelled
      ? { title: null, labelLimit: 180, labelExpr: SHORTENED, domain: false, ticks: false, grid: true }
      : { title: null, labels: false, domain: false, ticks: false, grid: true, minExtent: 0 },
  };
}

function zeroLine(axis: Axis): Layer {
  return {
    data: { values: [{ x: 0 }] },
    mark: { type: "rule", color: COLOR.grey, strokeDash: [4, 3] },
    encoding: { x: position("x", axis) },
  };
}
