/** HTML put together from pieces: whatever is not HTML already is escaped. */

/** A piece of HTML that is well formed by itself. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Nothing is written of null, undefined and false. */
export type Piece = Html | string | number | null | undefined | false | readonly Piece[];

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
/** What XML cannot hold; names may. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g;

/** A template of HTML. */
export function html(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  return new Html(strings.reduce((text, part, i) => `${text}${textOf(pieces[i - 1])}${part}`));
}

/** Pieces one after the other. */
export function joined(pieces: readonly Piece[], between = ""): Html {
  return new Html(pieces.map(textOf).join(between));
}

export function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(CONTROL, "\ufffd")
    .replace(/[&<>"']/g, (sign) => ESCAPES[sign] ?? sign);
}

function textOf(piece: Piece): string {
  if (piece === null || piece === undefined || piece === false) return "";
  if (piece instanceof Html) return piece.text;
  if (typeof piece === "object") return piece.map(textOf).join("");
  return escaped(String(piece));
}
