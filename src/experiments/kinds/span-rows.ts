/**
 * Rows with a labelled span: `text`, and `span` ([start, end) in characters, as code points) or `word` (its first occurrence
 * as a whole word); `label`. Rows may have a second text each, as word in context has: `text2`, with `span2`, `word2` or the
 * same `word`.
 */
import type { NumberedRow } from "./rows.ts";

export type Label = string | number | boolean;

export interface SpanRow {
  /** Tokens as far as each span's last one; one, or two. */
  readonly sequences: readonly Int32Array[];
  readonly label: Label;
  /** The row's texts: rows that share one are not independent. */
  readonly texts: readonly string[];
}

/** Reads one row. `pairs`: whether rows have two texts, as the first one has. */
export function spanRow(row: NumberedRow, pairs: boolean): SpanRow {
  const { label } = row.fields;
  const known = typeof label === "string" || typeof label === "number" || typeof label === "boolean";
  if (!known) row.refuse('has no "label" that is a text, a number, true or false', "label");
  if (!pairs && row.fields.text2 !== undefined) row.refuse('has a "text2", which the first row has not', "text2");
  const both = pairs ? (["", "2"] as const) : ([""] as const);
  const found = both.map((which) => {
    const text = row.text(`text${which}`);
    return { text, tokens: tokensTo(row, text, endOf(row, text, which)) };
  });
  return { sequences: found.map(({ tokens }) => tokens), label, texts: found.map(({ text }) => text) };
}

/** Where a span ends: an index of the text's UTF-16 units. */
function endOf(row: NumberedRow, text: string, which: "" | "2"): number {
  const span = row.fields[`span${which}`];
  if (span !== undefined) return endOfSpan(row, text, span, `span${which}`);
  const own = row.fields[`word${which}`];
  const word = own === undefined && which === "2" ? row.fields.word : own;
  if (typeof word !== "string" || word === "")
    return row.refuse(`has neither a "span${which}" nor a "word${which}"`, `span${which}`);
  const escaped = word.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
  const at = new RegExp(`(?<![\\p{L}\\p{N}])${escaped}(?![\\p{L}\\p{N}])`, "u").exec(text);
  if (!at) return row.refuse(`has the word ${JSON.stringify(word)}, which is not in its "text${which}"`, `word${which}`);
  return at.index + word.length;
}

function endOfSpan(row: NumberedRow, text: string, span: unknown, field: string): number {
  const [start, end] = Array.isArray(span) && span.length === 2 ? (span as unknown[]) : [];
  if (!Number.isInteger(start) || !Number.isInteger(end))
    return row.refuse(`has no ${JSON.stringify(field)} that is two whole numbers, [start, end]`, field);
  const characters = [...text];
  const [from, to] = [start as number, end as number];
  if (from < 0 || from >= to || to > characters.length)
    row.refuse(`has the span [${from}, ${to}], which is none of its text's ${characters.length} characters`, field);
  return characters.slice(0, to).join("").length;
}

/** The text's tokens as far as the one that holds what stands before `end`. */
function tokensTo(row: NumberedRow, text: string, end: number): Int32Array {
  const { tokenizer } = row;
  const ids = tokenizer.encode(text);
  const spelled = Buffer.concat(ids.map((id) => tokenizer.bytes(id)));
  const bytes = Buffer.from(text);
  // SentencePiece puts a space before a text.
  const shift = spelled.length - bytes.length;
  if (shift < 0 || !spelled.subarray(shift).equals(bytes))
    row.refuse("has a text that the tokenizer does not spell as it stands, so that places in it cannot be found", "text");
  const wanted = Buffer.byteLength(text.slice(0, end)) + shift;
  let length = 0;
  const last = ids.findIndex((id) => {
    length += tokenizer.bytes(id).length;
    return length >= wanted;
  });
  return Int32Array.from(row.asRead(ids.slice(0, last + 1)));
}

/** Numbers of the groups of rows that share texts, directly or through others; ascending as they first appear. */
export function groupsOf(rows: readonly Pick<SpanRow, "texts">[]): Int32Array {
  const parent = rows.map((_, i) => i);
  const root = (i: number): number => {
    let at = i;
    while (parent[at] !== at) at = parent[at] = parent[parent[at] as number] as number;
    return at;
  };
  const first = new Map<string, number>();
  for (const [i, { texts }] of rows.entries())
    for (const text of texts) {
      const other = root(first.get(text) ?? i);
      const own = root(i);
      parent[Math.max(own, other)] = Math.min(own, other);
      if (!first.has(text)) first.set(text, i);
    }
  const numbers = new Map<number, number>();
  return Int32Array.from(rows, (_, i) => {
    const at = root(i);
    if (!numbers.has(at)) numbers.set(at, numbers.size);
    return numbers.get(at) as number;
  });
}
