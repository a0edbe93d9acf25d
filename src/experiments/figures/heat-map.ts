/** A number for every pair of two whole numbers, as a grid of colours. */
import { labelsOf, linearTicks, logTicks, wholeTicks } from "./axes.ts";
import type { Layer, Panel } from "./spec.ts";
import { DIVERGING, SEQUENTIAL } from "./theme.ts";

export interface HeatCell {
  readonly x: number;
  readonly y: number;
  /** null: there is none; the cell stays grey. */
  readonly value: number | null;
}

export interface HeatMap {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  /** Of the colours, with the unit. */
  readonly color: string;
  readonly cells: readonly HeatCell[];
  /** Pixels that it may have at most; cells are whole pixels wide and high. */
  readonly width: number;
  readonly height: number;
  /** `diverging`: around 0. */
  readonly scale: "linear" | "log" | "diverging";
  /** Of the colours; what lies outside has the colour at its end. Absent: what the cells reach. */
  readonly domain?: readonly [number, number];
  /** Places that are marked with a dot. */
  readonly marked?: readonly { readonly x: number; readonly y: number }[];
  /** y grows upwards. */
  readonly up?: boolean;
  /** Cells are as high as wide. */
  readonly square?: boolean;
}

/** Cells are not drawn wider or higher, however few they are. */
const WIDEST = 40;
const HIGHEST = 24;

/** null where no cell has a number that the scale can show. */
export function heatMap(map: HeatMap): Panel | null {
  const shown = map.cells.flatMap(({ value }) => (value === null || (map.scale === "log" && value <= 0) ? [] : [value]));
  if (shown.length === 0) return null;
  const xs = range(map.cells.map(({ x }) => x));
  const ys = range(map.cells.map(({ y }) => y));
  const stepX = Math.max(2, Math.min(WIDEST, Math.floor(map.width / xs.length)));
  const stepY = map.square ? stepX : Math.max(2, Math.min(HIGHEST, Math.floor(map.height / ys.length)));
  const x = place("x", map.x, xs, xs, stepX);
  const y = place("y", map.y, map.up ? [...ys].reverse() : ys, ys, stepY);
  const known = map.cells.filter(({ value }) => value !== null && (map.scale !== "log" || value > 0));
  const missing = map.cells.filter((cell) => !known.includes(cell));
  const colors = colorScale(map, shown);
  const legendHeight = Math.max(60, Math.min(150, stepY * ys.length - 30));
  const layer: Layer[] = [
    {
      data: { values: known.map(({ x, y, value }) => ({ x, y, v: value })) },
      mark: { type: "rect" },
      encoding: {
        x,
        y,
        color: {
          field: "v",
          type: "quantitative",
          scale: colors,
          legend: {
            title: map.color,
            orient: "right",
            direction: "vertical",
            gradientLength: legendHeight,
            gradientThickness: 11,
            values:
              map.scale === "log" ? logTicks(...colors.domain, legendHeight / 22) : linearTicks(colors.domain, legendHeight / 30),
            labelExpr: labelsOf("datum.value"),
            titlePadding: 8,
            offset: 14,
            titleLimit: 120,
          },
        },
      },
    },
    {
      data: { values: missing.map(({ x, y }) => ({ x, y })) },
      mark: { type: "rect", fill: "#dddddd" },
      encoding: { x, y },
    },
    {
      data: { values: [...(map.marked ?? [])] },
      mark: {
        type: "point",
        filled: true,
        size: Math.min(16, stepX * stepY * 0.25),
        color: "white",
        stroke: "#222222",
        strokeWidth: 0.8,
        opacity: 1,
      },
      encoding: { x, y },
    },
  ];
  return { title: map.title, width: { step: stepX }, height: { step: stepY }, layer };
}

function range(values: readonly number[]): number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return Array.from({ length: high - low + 1 }, (_, i) => low + i);
}

/** Pixels that the embedding's label needs. */
const EMBEDDING = { x: 24, y: 13 };

/** A band for every whole number; ticks where there is room for their labels. */
function place(field: "x" | "y", title: string, domain: readonly number[], ascending: readonly number[], step: number) {
  const most = Math.max(2, Math.floor((step * domain.length) / (field === "x" ? 24 : 14)));
  const first = ascending[0] ?? 0;
  const whole = wholeTicks((ascending.at(-1) ?? 0) + 1, most).filter((tick) => tick >= first);
  const crowded = first < 0 && step < EMBEDDING[field]; // no room for 0 beside emb.
  const values = crowded ? whole.filter((tick) => tick > 0) : whole;
  return {
    field,
    type: "ordinal" as const,
    scale: { domain: [...domain], paddingInner: 0, paddingOuter: 0 },
    axis: {
      title,
      values: first < 0 ? [-1, ...values] : values,
      labelExpr: "datum.value < 0 ? 'emb.' : datum.label",
      labelAngle: 0,
      domain: false,
      grid: false,
      labelOverlap: false,
    },
  };
}

interface ColorScale {
  readonly type: "linear" | "log";
  readonly domain: [number, number];
  readonly range: string[];
  readonly interpolate: "lab";
  readonly clamp: true;
}

function colorScale({ scale, domain }: HeatMap, shown: readonly number[]): ColorScale {
  const [low, high] = domain ?? [Math.min(...shown), Math.max(...shown)];
  if (scale === "diverging") {
    const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
    return { type: "linear", domain: [-most, most], range: [...DIVERGING], interpolate: "lab", clamp: true };
  }
  const from = scale === "linear" && !domain ? Math.min(0, low) : low;
  const to = high > from ? high : from + (Math.abs(from) || 1);
  return { type: scale, domain: [from, to], range: [...SEQUENTIAL], interpolate: "lab", clamp: true };
}
