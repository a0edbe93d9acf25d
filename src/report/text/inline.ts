/** Text of the report, before it is HTML or Markdown: plain strings, and what is marked in them. */
import type { Verdict } from "../claims/claim.ts";

export type Inline = string | Marked | readonly Inline[];

export type Marked =
  | { readonly mark: "em" | "strong" | "code"; readonly text: string }
  /** A place of the report (a section, a figure), or one on the web or beside the report. */
  | Place
  | { readonly mark: "web"; readonly to: string; readonly text: string }
  /** Says where something is; nothing where the report has none of these places. */
  | { readonly mark: "places"; readonly before: string; readonly each: readonly Place[]; readonly after: string }
  /** A mark and a word. */
  | { readonly mark: "verdict"; readonly verdict: Verdict; readonly word: string }
  /** One under the other; all but the first are small. */
  | { readonly mark: "lines"; readonly lines: readonly Inline[] };

export interface Place {
  readonly mark: "place";
  readonly to: string;
  readonly text: string;
}

/** A template of text with marked pieces. */
export function prose(strings: TemplateStringsArray, ...pieces: readonly (Inline | number)[]): Inline {
  return strings.flatMap((part, i) => {
    const piece = pieces[i - 1];
    const text = part.replace(/\s*\n\s*/g, " ");
    return piece === undefined ? [text] : [typeof piece === "number" ? String(piece) : piece, text];
  });
}

/** Emphasised: titles, words that are explained. */
export function em(text: string): Marked {
  return { mark: "em", text };
}

export function strong(text: string): Marked {
  return { mark: "strong", text };
}

/** As it is typed. */
export function code(text: string): Marked {
  return { mark: "code", text };
}

/** A link to a section by its id, or to a figure by `figure-` and its experiment. Where the report has none such, plain text. */
export function place(to: string, text: string): Place {
  return { mark: "place", to, text };
}

/** A sentence with those of the places that the report has. */
export function places(before: string, each: readonly Place[], after: string): Marked {
  return { mark: "places", before, each, after };
}

export function web(to: string, text: string): Marked {
  return { mark: "web", to, text };
}

const WORDS: Readonly<Record<Verdict, string>> = { shown: "shows", partly: "in part", "not-shown": "does not show" };

export function verdictWord(of: Verdict): string {
  return WORDS[of];
}

/** A verdict with its word, or another one. */
export function verdict(of: Verdict, word = verdictWord(of)): Marked {
  return { mark: "verdict", verdict: of, word };
}

/** In a table's cell: what counts, and under it what explains it. */
export function lines(...each: readonly Inline[]): Marked {
  return { mark: "lines", lines: each };
}

/** The same text in a report that has these places only. */
export function settled(text: Inline, has: ReadonlySet<string>): Inline {
  if (typeof text === "string") return text;
  if (!("mark" in text)) return text.map((each) => settled(each, has));
  if (text.mark === "place") return has.has(text.to) ? text : text.text;
  if (text.mark === "lines") return { ...text, lines: text.lines.map((each) => settled(each, has)) };
  if (text.mark !== "places") return text;
  const there = text.each.filter(({ to }) => has.has(to));
  return there.length === 0 ? "" : [text.before, listedInline(there), text.after];
}

/** a, b and c. */
export function listedInline(parts: readonly Inline[]): Inline {
  return parts.map((part, i) => (i === 0 ? part : [i === parts.length - 1 ? " and " : ", ", part]));
}
