/** Numbers of a result's rows, as figures need them. */
import type { Cell, ResultRow, Table } from "../result.ts";

/** Normal approximation: 95 % of the means of such samples lie this many standard errors around the true one. */
const Z = 1.96;
/** More than can be seen; keeps specifications short. */
const DIGITS = 5;

/** A mean with its interval and its quartiles, at a place of the x axis. null: not known. */
export interface Point {
  readonly x: number;
  readonly mean: number;
  readonly low: number | null;
  readonly high: number | null;
  readonly q25: number | null;
  readonly q75: number | null;
}

/** The rows of a statistic whose keys have these values; a key that a row lacks is null. */
export function rowsOf(table: Table, statistic: string, keys: Readonly<Record<string, Cell>> = {}): ResultRow[] {
  const wanted = Object.entries(keys);
  return table.rows.filter(
    (row) => row.statistic === statistic && wanted.every(([name, value]) => (row[name] ?? null) === value),
  );
}

/** A number of a row; null where it has none. */
export function numberOf(row: ResultRow, name: string): number | null {
  const value = row[name];
  return typeof value === "number" && Number.isFinite(value) ? Number(value.toPrecision(DIGITS)) : null;
}

/** By x; rows without a mean, or without x, are left out. */
export function pointsOf(rows: readonly ResultRow[], x: string | ((row: ResultRow) => number | null)): Point[] {
  const at = typeof x === "string" ? (row: ResultRow) => numberOf(row, x) : x;
  return rows
    .flatMap((row) => {
      const place = at(row);
      const mean = numberOf(row, "mean");
      return place === null || mean === null ? [] : [{ x: place, mean, ...intervalOf(row) }];
    })
    .sort((a, b) => a.x - b.x);
}

/** mean ± 1.96 sem, and the quartiles where the row has them. */
export function intervalOf(row: ResultRow): Omit<Point, "x" | "mean"> {
  const mean = numberOf(row, "mean");
  const sem = numberOf(row, "sem");
  const known = mean !== null && sem !== null;
  return {
    low: known ? rounded(mean - Z * sem) : null,
    high: known ? rounded(mean + Z * sem) : null,
    q25: numberOf(row, "q25"),
    q75: numberOf(row, "q75"),
  };
}

export function rounded(value: number): number {
  return Number(value.toPrecision(DIGITS));
}

/** With so many decimals, as many as a colour can tell apart; −0 is 0. */
export function decimals(value: number | null, count: number): number | null {
  return value === null ? null : Number(value.toFixed(count)) + 0;
}

/** The values of a column that rows have, each once, in their first order. */
export function valuesOf<T extends Cell>(rows: readonly ResultRow[], name: string, is: (value: Cell) => value is T): T[] {
  return [...new Set(rows.map((row) => row[name] ?? null).filter(is))];
}

export function isString(value: Cell): value is string {
  return typeof value === "string";
}

export function isNumber(value: Cell): value is number {
  return typeof value === "number";
}
