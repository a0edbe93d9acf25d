/** Text in cells: widths as a terminal counts them. */

const WIDE =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{1b2ff}\u{20000}-\u{3fffd}]/u;
const ZERO = /^[\p{Mark}\u200b-\u200f]+$/u;
const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });

function cellWidth(grapheme: string): number {
  if (ZERO.test(grapheme)) return 0;
  return WIDE.test(grapheme) ? 2 : 1;
}

/** Columns that plain text takes (no colours in it). */
export function textWidth(text: string): number {
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += cellWidth(segment);
  return width;
}

/** Cut to `width` columns, with … where something was cut. */
export function cut(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  const graphemes = Array.from(segmenter.segment(text), ({ segment }) => segment);
  return `${fitting(graphemes, width - 1).join("")}…`;
}

/** Cut to `width` columns with … in the middle: both ends of a name tell it from others. */
export function cutMiddle(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  const graphemes = Array.from(segmenter.segment(text), ({ segment }) => segment);
  const head = fitting(graphemes, Math.ceil((width - 1) / 2));
  const tail = fitting(graphemes.toReversed(), Math.floor((width - 1) / 2)).toReversed();
  return `${head.join("")}…${tail.join("")}`;
}

/** The first of them that together take `room` columns at most. */
function fitting(graphemes: readonly string[], room: number): string[] {
  const taken: string[] = [];
  let used = 0;
  for (const grapheme of graphemes) {
    used += cellWidth(grapheme);
    if (used > room) break;
    taken.push(grapheme);
  }
  return taken;
}

/** Items behind one another, with `between` them, in lines of at most `width` columns; one that is wider has its own. */
export function wrapped(items: readonly string[], width: number, between = " "): string[] {
  const lines: string[] = [];
  for (const item of items) {
    const longer = `${lines.at(-1) ?? ""}${between}${item}`;
    if (lines.length > 0 && textWidth(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(item);
  }
  return lines;
}

/** Exactly `width` columns, on the left. */
export function left(text: string, width: number): string {
  const short = cut(text, width);
  return short + " ".repeat(Math.max(0, width - textWidth(short)));
}

/** Exactly `width` columns, on the right. */
export function right(text: string, width: number): string {
  const short = cut(text, width);
  return " ".repeat(Math.max(0, width - textWidth(short))) + short;
}

/** What has no picture of its own, or would move what stands beside it: control and format characters, other spaces. */
const UNSEEN = /[\p{Control}\p{Line_Separator}\p{Paragraph_Separator}\p{Space_Separator}]|(?![\u200c\u200d])\p{Format}/gu;

/** A token of an event as one sees it; a row of padding has no text, and is known by its id. */
export function shownToken({
  id,
  text,
  padding,
}: {
  readonly id: number;
  readonly text: string;
  readonly padding?: true | undefined;
}): string {
  return padding ? `[${id}]` : tokenText(text);
}

/**
 * A token's text as one sees it: a space is ·, a line break ⏎, what cannot be seen is named, and a mark that belongs to a
 * letter before stands on a circle.
 */
export function tokenText(text: string): string {
  const seen = text
    .replaceAll(" ", "·")
    .replaceAll("\n", "⏎")
    .replaceAll("\t", "⇥")
    .replace(UNSEEN, named)
    .replace(/^[\u200c\u200d]+$/gu, (joiners) => Array.from(joiners, named).join(""));
  return /^\p{Mark}/u.test(seen) ? `◌${seen}` : seen;
}

function named(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar of `share` (0 … 1) of `width` columns, to an eighth of one. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.max(0, Math.min(1, share)) * width * 8);
  return "█".repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? "");
}
