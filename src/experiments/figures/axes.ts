/** Axes: which part of the numbers they show, where their ticks stand, what these say. */
import type { Point } from "./rows.ts";

/** An axis of numbers, as curves, bars and dots take it. */
export interface Axis {
  /** With its unit. */
  readonly title: string;
  readonly domain: readonly [number, number];
  /** Where ticks stand. */
  readonly ticks: readonly number[];
  /** A Vega expression over `datum.value`. */
  readonly labels: string;
  readonly log?: boolean;
  /** Logarithmic on both sides of 0, nearly linear within ± this. */
  readonly symmetric?: number;
}

/**
 * How the numbers of a statistic are scaled. `linear`: with 0. `positive`: from 0. `count`: whole numbers from 0. `share`: 0 to 1, in percent.
 * `fit`: need not begin at 0. `symmetric`: logarithmic on both sides of 0, for differences that differ by orders of magnitude.
 */
export type ScaleKind = "log" | "linear" | "positive" | "count" | "share" | "fit" | "symmetric";

const MOST_TICKS = 13;

/** As few digits as the number has; powers only where there would be many zeros. Vega's own labels say 1e+1 for 10. */
const NUMBER_LABELS = labelsOf("datum.value");

/** Vega's expression for the label of a number. */
export function labelsOf(value: string): string {
  const scientific = `${value} != 0 && (abs(${value}) < 1e-4 || abs(${value}) >= 1e5)`;
  return `format(${value}, ${scientific} ? '~e' : '~r')`;
}

/** With more layers there is no room for a 0 beside the embedding's label, on the whole width. */
const MOST_BESIDE_EMBEDDING = 22;

/** Layers 0 … L−1, each in the middle of its place; with the embedding at −1. */
export function layerAxis(layers: number, { embedding = false, title = "layer", most = MOST_TICKS } = {}): Axis {
  const ticks = wholeTicks(layers, most);
  const [, ...others] = ticks;
  return {
    title,
    domain: [embedding ? -1.5 : -0.5, layers - 0.5],
    ticks: embedding ? [-1, ...(layers > MOST_BESIDE_EMBEDDING ? others : ticks)] : ticks,
    labels: "datum.value < 0 ? 'emb.' : datum.value",
  };
}

/** Whole numbers 0 … count−1, few enough to be read. */
export function wholeTicks(count: number, most: number = MOST_TICKS): number[] {
  const step = [1, 2, 5, 10, 20, 50, 100].find((each) => count / each <= most) ?? Math.ceil(count / most);
  return Array.from({ length: Math.ceil(count / step) }, (_, i) => i * step);
}

/** layer / (L−1): 0 is the first layer of any model, 1 its last. */
export const DEPTH_AXIS: Axis = {
  title: "relative depth, layer / (L − 1)",
  domain: [-0.02, 1.02],
  ticks: [0, 0.25, 0.5, 0.75, 1],
  labels: NUMBER_LABELS,
};

/** Values that points reach: means and intervals whole, quartiles too. */
export function reached(points: readonly Omit<Point, "x">[], quartiles: boolean): number[] {
  return points.flatMap(({ mean, low, high, q25, q75 }) =>
    [mean, low, high, ...(quartiles ? [q25, q75] : [])].filter((value) => value !== null),
  );
}

/**
 * The axis of a statistic. `means` are what must be seen; `values` also the ends of intervals. `ticks`: about how many. There
 * is always some room above the highest tick, so that plots side by side keep their titles on one line.
 */
export function valueAxis(title: string, kind: ScaleKind, means: readonly number[], values: readonly number[], ticks = 5): Axis {
  if (kind === "log") return logAxis(title, means, values, Math.max(3, 2 * ticks));
  if (kind === "symmetric") return symmetricAxis(title, means, values);
  if (kind === "share") {
    return {
      title,
      domain: [0, Math.max(1, ...values) * 1.05],
      ticks: [0, 0.25, 0.5, 0.75, 1],
      labels: "format(datum.value, '.0%')",
    };
  }
  const [low, high] = endsOf(kind, values);
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  const domain = [low === 0 ? 0 : low - room, high + room] as const;
  return { title, domain, ticks: linearTicks(domain, ticks, { whole: kind === "count", room: HEADROOM }), labels: NUMBER_LABELS };
}

/** So that a count of 0 is seen to be none. */
const LEAST_COUNT = 5;

/** Of a linear axis. What cannot be below 0 has intervals that are cut off there. */
function endsOf(kind: ScaleKind, values: readonly number[]): readonly [number, number] {
  if (kind === "count") return [0, Math.max(LEAST_COUNT, ...values)];
  if (kind === "positive") return [0, Math.max(0, ...values)];
  if (kind === "linear") return [Math.min(0, ...values), Math.max(0, ...values)];
  return values.length === 0 ? [0, 1] : [Math.min(...values), Math.max(...values)];
}

/** Of an axis's length: what is left free above the highest tick. */
const HEADROOM = 0.03;

/** Multiples of 1, 2 or 5 times a power of ten, about `count` of them. `room`: share of the axis at its high end without any. */
export function linearTicks([low, high]: readonly [number, number], count: number, { whole = false, room = 0 } = {}): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(power * nearest(rough / power), whole ? 1 : 0);
  const first = Math.ceil(low / step - SLACK);
  const last = Math.floor((high - room * (high - low)) / step + SLACK);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Of a step: ticks at the ends of the axis are not lost to rounding. */
const SLACK = 1e-9;

/** The nearest of 1, 2, 5 and 10 on a logarithmic scale. */
function nearest(factor: number): number {
  if (factor > Math.sqrt(50)) return 10;
  if (factor > Math.sqrt(10)) return 5;
  return factor > Math.SQRT2 ? 2 : 1;
}

/** Intervals may reach far below the means, down to 0 and less: at most this factor of it is shown. */
const MOST_BELOW = 10;

function logAxis(title: string, means: readonly number[], values: readonly number[], ticks: number): Axis {
  const positive = means.filter((value) => value > 0);
  const least = Math.min(...positive, ...values.filter((value) => value > Math.min(...positive) / MOST_BELOW));
  if (!Number.isFinite(least)) return { title, domain: [0.1, 1], ticks: [0.1, 1], labels: NUMBER_LABELS, log: true };
  const low = least / 1.25;
  const most = Math.max(...values, ...positive);
  const high = most * (most / low) ** 0.06;
  return { title, domain: [low, high], ticks: logTicks(low, most, ticks), labels: NUMBER_LABELS, log: true };
}

/** Linear around 0 as far as the power of ten below the middle one of the means' sizes; ticks are powers of ten. */
function symmetricAxis(title: string, means: readonly number[], values: readonly number[]): Axis {
  const sizes = means
    .map(Math.abs)
    .filter((size) => size > 0)
    .sort((a, b) => a - b);
  const power = Math.floor(Math.log10(sizes[sizes.length >> 1] ?? 1));
  const inner = Number(`1e${power}`);
  const low = Math.min(0, ...values) * 1.25;
  const high = Math.max(inner / 2, ...values) * 1.25;
  const powers = Array.from({ length: MOST_POWERS }, (_, i) => Number(`1e${power + i}`));
  const side = (reach: number) => powers.filter((tick) => tick <= reach).slice(reach < 10 * inner ? 0 : 1); // inner is near 0
  const ticks = [...side(-low).map((tick) => -tick), 0, ...side(high * 0.9)].sort((a, b) => a - b);
  return { title, domain: [low, high], ticks, labels: NUMBER_LABELS, symmetric: inner };
}

/** Of ten, on one side of 0: means differ by less. */
const MOST_POWERS = 12;

/** Within each power of ten, from sparse to dense. */
const FACTORS = [[1], [1, 2, 5], [1, 1.5, 2, 3, 5, 7]] as const;

/**
 * At most `most` ticks for a logarithmic axis: powers of ten; 1-2-5 of them or more where there are fewer than three; every
 * second, third, … power where there are too many.
 */
export function logTicks(low: number, high: number, most = 8): number[] {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const decades = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const within = (factors: readonly number[], step = 1) =>
    decades
      .filter((decade) => decade % step === 0)
      .flatMap((decade) => factors.map((factor) => Number(`${factor}e${decade}`)))
      .filter((tick) => tick >= low && tick <= high);
  const choices = [...FACTORS.map((factors) => within(factors)), ...decades.map((_, i) => within([1], i + 2))];
  const fit = choices.filter((ticks) => ticks.length <= most);
  return fit.find((ticks) => ticks.length >= 3) ?? fit.sort((a, b) => b.length - a.length)[0] ?? [];
}
