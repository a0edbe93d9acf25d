/** Axes and colours as Vega-Lite's channels. */
import type { Axis } from "./axes.ts";
import { WIDE } from "./theme.ts";

/** x or y for a field of numbers. The domain is kept as it is. */
export function position(field: string, axis: Axis) {
  return { field, type: "quantitative" as const, ...scaleOf(axis), axis: axisOf(axis) };
}

export function scaleOf({ domain, log, symmetric }: Axis) {
  const shared = { domain: [...domain], nice: false };
  if (log) return { scale: { ...shared, type: "log" as const } };
  if (symmetric) return { scale: { ...shared, type: "symlog" as const, constant: symmetric } };
  return { scale: { ...shared, type: "linear" as const, zero: false } };
}

export function axisOf({ title, ticks, labels }: Axis) {
  return { title, values: [...ticks], labelExpr: labels };
}

/** A name and its colour. */
export interface Named {
  readonly name: string;
  readonly color: string;
}

/** One colour a name, in this order; the legend shows a line, or a dot, for each. */
export function colorOf(names: readonly Named[], legend: boolean, symbol: "stroke" | "circle" | "square" = "stroke") {
  return {
    field: "s",
    type: "nominal" as const,
    scale: { domain: names.map(({ name }) => name), range: names.map(({ color }) => color) },
    legend: legend
      ? {
          title: null,
          symbolType: symbol,
          symbolOpacity: 1,
          ...(symbol === "circle" ? { symbolSize: 50 } : {}),
          columns: columnsOf(names),
        }
      : null,
  };
}

/** As many names in a line as the figure is wide: all, or columns of the widest. */
function columnsOf(names: readonly Named[]): number {
  const widths = names.map(({ name }) => name.length * LETTER + SYMBOL);
  const all = widths.reduce((sum, width) => sum + width, 0);
  return all <= WIDE ? Math.max(1, names.length) : Math.max(1, Math.floor(WIDE / Math.max(...widths)));
}

/** Pixels, about: of a letter, and of the sign before a name with the space after it. */
const LETTER = 5.4;
const SYMBOL = 36;
