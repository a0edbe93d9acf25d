/** A table as HTML. */
import type { Inline } from "../text/inline.ts";
import type { Table } from "../text/table.ts";
import { type Html, html } from "./html.ts";
import { inlineHtml } from "./inline.ts";

/** null where there is none. */
export function tableHtml(table: Table | null): Html | null {
  if (!table) return null;
  const { title, caption, columns, groups, wide = false, ofClaims = false } = table;
  const attributes = (i: number) => {
    const { number = false, model } = columns[i] ?? {};
    return html`${number && html` class="number"`}${model !== undefined && html` data-model="${model}"`}`;
  };
  const cell = (text: Inline, i: number) =>
    i === 0 && !ofClaims
      ? html`<th scope="row"${attributes(i)}>${inlineHtml(text)}</th>`
      : html`<td${attributes(i)}>${inlineHtml(text)}</td>`;
  const heading = (text: Inline) =>
    html`<tr class="group"><th scope="colgroup" colspan="${columns.length}">${inlineHtml(text)}</th></tr>\n`;
  return html`
<div class="scroll${wide && " wide"}"><table${ofClaims && html` class="claims"`}>
<caption>${title !== undefined && html`<b>${title}</b> `}${inlineHtml(caption)}</caption>
<thead><tr>${columns.map(({ name, number = false }) => html`<th scope="col"${number && html` class="number"`}>${inlineHtml(name)}</th>`)}</tr></thead>
<tbody>
${groups.map((group) => html`${group.title !== null && heading(group.title)}${group.rows.map((row) => html`<tr>${row.map(cell)}</tr>\n`)}`)}</tbody>
</table></div>`;
}
