/** Cutting a text where a pattern matches, and what becomes of the matches. */

/** A part of a text, [start, end), and whether the pattern matched it; together they cover the text. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly matched: boolean;
}

export const BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"] as const;
export type Behavior = (typeof BEHAVIORS)[number];

/** The matches of a global pattern and what lies between. No empty match follows another match at once. */
export function spansOf(text: string, pattern: RegExp): Span[] {
  const spans: Span[] = [];
  let end = 0;
  let first = true;
  for (const { index, 0: match } of text.matchAll(pattern)) {
    if (match === "" && index === end && !first) continue;
    first = false;
    if (end < index) spans.push({ start: end, end: index, matched: false });
    end = index + match.length;
    spans.push({ start: index, end, matched: true });
  }
  if (end < text.length) spans.push({ start: end, end: text.length, matched: false });
  return spans;
}

/** The parts of a text, none empty. `inverted`: what the pattern does not match is what it is about. */
export function splitText(text: string, pattern: RegExp, behavior: Behavior, inverted = false): string[] {
  const spans = spansOf(text, pattern);
  const about = (span: Span) => span.matched !== inverted;
  const kept = behavior === "Removed" ? spans.filter((span) => !about(span)) : joined(spans, behavior, about);
  return kept.filter(({ start, end }) => start < end).map(({ start, end }) => text.slice(start, end));
}

function joined(spans: readonly Span[], behavior: Behavior, about: (span: Span) => boolean): { start: number; end: number }[] {
  const backwards = behavior === "MergedWithNext";
  const parts: { start: number; end: number }[] = [];
  let before = false; // whether the span before was a match
  for (const span of backwards ? spans.toReversed() : spans) {
    const match = about(span);
    const joins = behavior === "Contiguous" ? match === before : behavior !== "Isolated" && match && !before;
    const last = parts.at(-1);
    if (joins && last && backwards) last.start = span.start;
    else if (joins && last) last.end = span.end;
    else parts.push({ start: span.start, end: span.end });
    before = match;
  }
  return backwards ? parts.reverse() : parts;
}
