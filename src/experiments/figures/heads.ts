/** Rows by layer and head: as a grid, and the strongest of them by name. */
import type { ResultRow } from "../result.ts";
import type { HeatCell } from "./heat-map.ts";
import { numberOf } from "./rows.ts";

export interface HeadValue {
  readonly layer: number;
  readonly head: number;
  readonly value: number;
}

/** The means of rows that have both keys; those of one head are added up (offsets, say). */
export function headValues(rows: readonly ResultRow[]): HeadValue[] {
  const values = new Map<string, HeadValue>();
  for (const row of rows) {
    const [layer, head, mean] = [numberOf(row, "layer"), numberOf(row, "head"), numberOf(row, "mean")];
    if (layer === null || head === null || mean === null) continue;
    const name = headName({ layer, head });
    values.set(name, { layer, head, value: (values.get(name)?.value ?? 0) + mean });
  }
  return [...values.values()];
}

/** The largest first; equal ones in the order of layers and heads. */
export function strongest(values: readonly HeadValue[], count: number): HeadValue[] {
  return [...values].sort((a, b) => b.value - a.value || a.layer - b.layer || a.head - b.head).slice(0, count);
}

export function headName({ layer, head }: { readonly layer: number; readonly head: number }): string {
  return `layer ${layer}, head ${head}`;
}

export function cellsOf(values: readonly HeadValue[]): HeatCell[] {
  return values.map(({ layer, head, value }) => ({ x: layer, y: head, value: Number(value.toPrecision(4)) }));
}
