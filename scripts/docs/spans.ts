/** Labelled spans for the page on experiments: a real distinction that any text has. */

export interface SpanRow {
  readonly text: string;
  readonly span: readonly [number, number];
  readonly label: "the" | "be";
}

/** "the" and "be" follow here. */
const BEGINNING = /^.*?\bto(?= (the|be)\b)/s;

/** Beginnings of sentences up to "to", by what follows. */
export function spansIn(texts: readonly string[]): SpanRow[] {
  return texts.flatMap((text) =>
    text.split(/(?<=[.?!]["”’]?)\s+/).flatMap((sentence) => {
      const [beginning, label] = BEGINNING.exec(sentence) ?? [];
      if (beginning === undefined || (label !== "the" && label !== "be")) return [];
      return [{ text: beginning, span: [beginning.length - 2, beginning.length] as const, label }];
    }),
  );
}

/** What the rows are, in words. */
export function spansInWords(rows: readonly SpanRow[]): string {
  const the = rows.filter(({ label }) => label === "the").length;
  const most = Math.max(the, rows.length - the) / rows.length;
  return `At “to” in ${rows.length} beginnings of sentences from prose-heldout, whether “the” or “be” follows (the majority has ${Math.round(100 * most)} %).`;
}
