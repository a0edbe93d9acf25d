/** Small tables between the text. */
import { type Html, html, type Piece } from "./html.ts";

export interface InlineColumn {
  readonly name: Piece;
  /** Numbers stand on the right. */
  readonly number?: boolean;
}

/** Rows under a heading of their own; without one, as they are. */
export interface RowGroup {
  readonly title: Piece;
  readonly rows: readonly (readonly Piece[])[];
}

export interface InlineTable {
  readonly caption: Piece;
  readonly columns: readonly InlineColumn[];
  readonly groups: readonly RowGroup[];
  /** May be wider than the text. */
  readonly wide?: boolean;
}

/** null without rows. */
export function inlineTable({ caption, columns, groups, wide = false }: InlineTable): Html | null {
  if (groups.every(({ rows }) => rows.length === 0)) return null;
  const classOf = (i: number) => (columns[i]?.number ? html` class="number"` : null);
  const row = (cells: readonly Piece[]) =>
    html`<tr>${cells.map((cell, i) => (i === 0 ? html`<th scope="row"${classOf(i)}>${cell}</th>` : html`<td${classOf(i)}>${cell}</td>`))}</tr>\n`;
  const heading = (title: Piece) =>
    title !== null && html`<tr class="group"><th scope="colgroup" colspan="${columns.length}">${title}</th></tr>\n`;
  return html`
<div class="scroll${wide && " wide"}"><table>
<caption>${caption}</caption>
<thead><tr>${columns.map(({ name }, i) => html`<th scope="col"${classOf(i)}>${name}</th>`)}</tr></thead>
<tbody>
${groups.filter(({ rows }) => rows.length > 0).map(({ title, rows }) => html`${heading(title)}${rows.map(row)}`)}</tbody>
</table></div>`;
}

/** Rows that need no heading. */
export function plainRows(rows: readonly (readonly Piece[])[]): RowGroup[] {
  return [{ title: null, rows }];
}
