/** Numbers of a result along the depth, as claims compare them. */
import { numberOf, rowsOf } from "../../experiments/figures/rows.ts";
import type { Cell, ExperimentResult } from "../../experiments/result.ts";

/** Normal approximation: 95 %. */
const Z = 1.96;

export interface Measured {
  /** The layer, or whatever the axis is. */
  readonly at: number;
  readonly mean: number;
  /** null: not known, or exact. */
  readonly sem: number | null;
  /** mean ± 1.96 sem; the mean where that is not known. */
  readonly low: number;
  readonly high: number;
}

/** A statistic by layer, ascending; rows without a mean are left out. */
export function measuredBy(
  { table }: ExperimentResult,
  statistic: string,
  keys: Readonly<Record<string, Cell>> = {},
  axis = "layer",
): Measured[] {
  return rowsOf(table, statistic, keys)
    .flatMap((row) => {
      const [at, mean, sem] = [numberOf(row, axis), numberOf(row, "mean"), numberOf(row, "sem")];
      return at === null || mean === null ? [] : [{ at, ...interval(mean, sem) }];
    })
    .sort((a, b) => a.at - b.at);
}

/** The one row of a statistic with these keys. */
export function measuredOne(
  { table }: ExperimentResult,
  statistic: string,
  keys: Readonly<Record<string, Cell>>,
): Measured | null {
  const [row] = rowsOf(table, statistic, keys);
  const mean = row ? numberOf(row, "mean") : null;
  return row && mean !== null ? { at: 0, ...interval(mean, numberOf(row, "sem")) } : null;
}

function interval(mean: number, sem: number | null): Omit<Measured, "at"> {
  const reach = Z * (sem ?? 0);
  return { mean, sem, low: mean - reach, high: mean + reach };
}

export function meanOf(all: readonly { readonly mean: number }[]): number {
  return all.reduce((sum, { mean }) => sum + mean, 0) / all.length;
}

export function medianOf(all: readonly { readonly mean: number }[]): number {
  const sorted = all.map(({ mean }) => mean).sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[half] as number) : ((sorted[half - 1] as number) + (sorted[half] as number)) / 2;
}

/** The largest mean; of equal ones the first. */
export function highest<T extends { readonly mean: number }>(all: readonly T[]): T | null {
  return all.reduce<T | null>((best, each) => (best === null || each.mean > best.mean ? each : best), null);
}

export function lowest<T extends { readonly mean: number }>(all: readonly T[]): T | null {
  return all.reduce<T | null>((best, each) => (best === null || each.mean < best.mean ? each : best), null);
}

/** layer / (L − 1); 0 where there is only one. */
export function depthOf(layer: number, layers: number): number {
  return layer / Math.max(1, layers - 1);
}

/** Those with a relative depth from `from` to below `to`; `to` 1 takes the last layer too. */
export function between(all: readonly Measured[], layers: number, from: number, to: number): Measured[] {
  return all.filter(({ at }) => {
    const depth = depthOf(at, layers);
    return depth >= from && (depth < to || (to === 1 && depth === 1));
  });
}
