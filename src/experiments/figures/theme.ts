/** How every figure looks: colours that colour-blind readers can tell apart (Okabe and Ito's), one family of letters, few lines. */
import type { VegaLiteSpec } from "./spec.ts";

/** Sans serifs of nearly the same widths; the last but one is shipped, and measured to lay figures out. */
export const FONT = "Helvetica, Arial, Liberation Sans, DejaVu Sans Condensed, DejaVu Sans, sans-serif";

/** What a colour stands for is the same in every figure: deletion is vermilion, attention is blue, … */
export const COLOR = {
  blue: "#0072b2",
  vermilion: "#d55e00",
  green: "#009e73",
  purple: "#aa4499",
  orange: "#e69f00",
  sky: "#56b4e9",
  black: "#222222",
  grey: "#8a8a8a",
  dim: "#5f5f5f",
  pale: "#e9e9e9",
} as const;

/** In the order in which models, or whatever has no colour of its own, take them. */
export const SERIES_COLORS = [
  COLOR.blue,
  COLOR.vermilion,
  COLOR.green,
  COLOR.purple,
  COLOR.orange,
  COLOR.sky,
  COLOR.black,
  COLOR.grey,
] as const;

/** Light to dark, of nearly even steps in lightness. */
export const SEQUENTIAL = ["#f4f7fa", "#cfe1ee", "#9fc5de", "#62a3cb", "#2b7cb3", "#0b5691", "#08306b"];
/** Below zero, zero, above zero. */
export const DIVERGING = ["#b2460a", "#e08b4f", "#f6cfae", "#f7f7f7", "#b5d3e8", "#5a9fcb", "#0a5a96"];

/** Plot areas, in pixels; with axes and padding a figure is some 640 wide. */
export const WIDE = 556;
export const HALF = 242;

const INK = "#222222";

export const CONFIG: VegaLiteSpec["config"] = {
  font: FONT,
  aria: false,
  background: "white",
  view: { stroke: null },
  concat: { spacing: 20 },
  title: {
    anchor: "start",
    color: INK,
    fontSize: 11,
    fontWeight: "bold",
    frame: "group",
    offset: 8,
    subtitleColor: COLOR.dim,
    subtitleFontSize: 10.5,
  },
  axis: {
    domainColor: "#666666",
    gridColor: COLOR.pale,
    labelColor: INK,
    labelFontSize: 10,
    labelPadding: 4,
    tickColor: "#666666",
    tickSize: 4,
    titleColor: INK,
    titleFontSize: 10.5,
    titleFontWeight: "normal",
    titlePadding: 7,
  },
  axisX: { grid: false, labelFlush: false },
  axisY: { domain: false, ticks: false, minExtent: 30 },
  legend: {
    direction: "horizontal",
    labelColor: INK,
    labelFontSize: 10.5,
    labelLimit: 260,
    orient: "top",
    symbolSize: 110,
    symbolStrokeWidth: 2,
    titleColor: INK,
    titleFontSize: 10.5,
    titleFontWeight: "normal",
    titleLimit: 320,
    offset: 6,
    columnPadding: 16,
  },
};
