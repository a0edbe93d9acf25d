/** Text in cells: widths as a terminal counts them. */

const WIDE =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;
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
  let kept = "";
  let used = 0;
  for (const { segment } of segmenter.segment(text)) {
    used += cellWidth(segment);
    if (used > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
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

/** A token as one sees it: a leading space is ·, a line break ⏎, control characters are named. */
export function tokenText(text: string): string {
  return text
    .replaceAll(" ", "·")
    .replaceAll("\n", "⏎")
    .replaceAll("\t", "⇥")
    .replace(/\p{Control}/gu, (character) => `\\x${character.codePointAt(0)?.toString(16).padStart(2, "0")}`);
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar of `share` (0 … 1) of `width` columns, to an eighth of one. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.max(0, Math.min(1, share)) * width * 8);
  return "█".repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? "");
}
