/** A small table between the text, before it is HTML or Markdown. */
import { type Inline, settled } from "./inline.ts";

export interface Column {
  readonly name: Inline;
  /** Numbers stand on the right. */
  readonly number?: boolean;
  /** Cells are of this model. */
  readonly model?: string;
}

/** Rows under a heading of their own; without one, as they are. */
export interface RowGroup {
  readonly title: Inline | null;
  readonly rows: readonly (readonly Inline[])[];
}

export interface Table {
  /** Stands before the caption. */
  readonly title?: string;
  readonly caption: Inline;
  readonly columns: readonly Column[];
  readonly groups: readonly RowGroup[];
  /** May be wider than the text. */
  readonly wide?: boolean;
  /** Of sentences and verdicts: the first column is no heading. */
  readonly ofClaims?: boolean;
}

/** The table without what is empty in it; null: nothing is left. */
export function filled(table: Table): Table | null {
  const groups = table.groups.filter(({ rows }) => rows.length > 0);
  return groups.length === 0 ? null : { ...table, groups };
}

/** Rows that need no heading. */
export function plainRows(rows: readonly (readonly Inline[])[]): RowGroup[] {
  return [{ title: null, rows }];
}

/** The same table in a report that has these places only. */
export function settledTable(table: Table, has: ReadonlySet<string>): Table {
  const at = (text: Inline) => settled(text, has);
  return {
    ...table,
    caption: at(table.caption),
    groups: table.groups.map(({ title, rows }) => ({ title: title && at(title), rows: rows.map((row) => row.map(at)) })),
  };
}
