import { Unmet } from "./rule.ts";
import { category, membersOf, WHITE_SPACE, wordMembers } from "./unicode.ts";
import { ALPHABETIC } from "./unicode-data.ts";

/** Past it, `end` is where the source goes on. */
export interface Translated {
  readonly text: string;
  readonly end: number;
}

/** Letters that another character equals besides the other case, by Unicode's simple folding. */
const ALSO: Readonly<Record<string, string>> = { s: "\\u017f", k: "\\u212a" };

/** One character, or a class of those that it equals where case does not matter. */
export function literal(char: string, anyCase: boolean | number = false): string {
  const escaped = `\\u{${(char.codePointAt(0) as number).toString(16)}}`;
  if (anyCase !== true) return escaped;
  if (char > "\x7f" && char.toLowerCase() !== char.toUpperCase())
    throw new Unmet(`${JSON.stringify(char)} regardless of case is not known`);
  return /[a-z]/i.test(char) ? `[${foldedLetter(char)}]` : escaped;
}

/** The members of a class that a letter of ASCII equals. */
export function foldedLetter(char: string): string {
  const lower = char.toLowerCase();
  return `${literal(lower)}${literal(char.toUpperCase())}${ALSO[lower] ?? ""}`;
}

/** By their letter; the capital stands for all others. */
const SETS: Readonly<Record<string, () => string>> = {
  s: () => WHITE_SPACE,
  d: () => category("Nd") as string,
  w: wordMembers,
  h: () => "0-9A-Fa-f",
};

/** Outside of a class `\w` also takes superscript and fraction digits of Latin-1. */
const BARE_WORD = "\\u{b2}\\u{b3}\\u{b9}\\u{bc}-\\u{be}";

const CONTROLS: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", f: "\f", v: "\v", a: "\x07", e: "\x1b" };

/** Between characters: where a text begins or ends, and where a word does. */
const PLACES: Readonly<Record<string, () => string>> = {
  A: () => "(?<![^])",
  z: () => "(?![^])",
  Z: () => "(?=\\n?(?![^]))",
  b: () => wordEdge(true),
  B: () => wordEdge(false),
};

function wordEdge(is: boolean): string {
  const word = `[${wordMembers()}${BARE_WORD}]`;
  const [same, other] = is ? ["!", "="] : ["=", "!"];
  return `(?:(?<=${word})(?${same}${word})|(?<!${word})(?${other}${word}))`;
}

/** An escape at `at`, as an operand of a class or by itself. Throws `Unmet` for one that is not known. */
export function escapeOf(source: string, at: number, inClass: boolean, anyCase: boolean): Translated {
  const rest = source.slice(at, at + 60);
  const property = /^\\([pP])\{(\^?)([\w ]+)\}/.exec(rest);
  if (property) {
    const [whole, kind, hat, name] = property as unknown as [string, string, string, string];
    if (anyCase) throw new Unmet(`${whole} regardless of case is not known`);
    const inside = propertyNamed(name);
    if (inside === null) throw new Unmet(`${whole} is not known`);
    return { text: `[${(kind === "P") !== (hat === "^") ? "^" : ""}${inside}]`, end: at + whole.length };
  }
  const code = /^\\(?:x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4}))/.exec(rest);
  if (code) {
    const value = Number.parseInt(code[1] ?? code[2] ?? code[3] ?? "", 16);
    // Oniguruma takes \x80 to \xff for bytes.
    if ((code[2] !== undefined && value > 0x7f) || value > 0x10ffff) throw new Unmet(`${code[0]} is not known`);
    return { text: one(String.fromCodePoint(value), inClass, anyCase), end: at + code[0].length };
  }
  const char = String.fromCodePoint(source.codePointAt(at + 1) ?? 0);
  const end = at + 1 + char.length;
  const lower = char.toLowerCase();
  const set = SETS[lower];
  if (set) {
    const more = lower === "w" && !inClass ? BARE_WORD : "";
    return { text: `[${char === lower ? "" : "^"}${set()}${more}]`, end };
  }
  const control = CONTROLS[char];
  if (control) return { text: one(control, inClass, anyCase), end };
  const place = inClass ? undefined : PLACES[char];
  if (place) return { text: place(), end };
  if (/[0-9A-Za-z\0]/.test(char)) throw new Unmet(`\\${char} is not known`);
  return { text: one(char, inClass, anyCase), end };
}

function one(char: string, inClass: boolean, anyCase: boolean): string {
  return inClass ? literal(char) : literal(char, anyCase);
}

/** Its members: a general category, short or long, read without regard to case, spaces and underscores. null: it is none. */
function propertyNamed(name: string): string | null {
  const plain = name.replaceAll(/[ _]/g, "").toLowerCase();
  if (plain === "alphabetic") return membersOf(ALPHABETIC);
  if (plain === "whitespace") return WHITE_SPACE;
  const known = CATEGORIES.find(([short, long]) => short.toLowerCase() === plain || long.toLowerCase() === plain);
  return known ? category(known[0]) : null;
}

const CATEGORIES: readonly (readonly [short: string, long: string])[] = [
  ["L", "Letter"],
  ["Lu", "UppercaseLetter"],
  ["Ll", "LowercaseLetter"],
  ["Lt", "TitlecaseLetter"],
  ["Lm", "ModifierLetter"],
  ["Lo", "OtherLetter"],
  ["M", "Mark"],
  ["Mn", "NonspacingMark"],
  ["Mc", "SpacingMark"],
  ["Me", "EnclosingMark"],
  ["N", "Number"],
  ["Nd", "DecimalNumber"],
  ["Nl", "LetterNumber"],
  ["No", "OtherNumber"],
  ["P", "Punctuation"],
  ["Pc", "ConnectorPunctuation"],
  ["Pd", "DashPunctuation"],
  ["Ps", "OpenPunctuation"],
  ["Pe", "ClosePunctuation"],
  ["Pi", "InitialPunctuation"],
  ["Pf", "FinalPunctuation"],
  ["Po", "OtherPunctuation"],
  ["S", "Symbol"],
  ["Sm", "MathSymbol"],
  ["Sc", "CurrencySymbol"],
  ["Sk", "ModifierSymbol"],
  ["So", "OtherSymbol"],
  ["Z", "Separator"],
  ["Zs", "SpaceSeparator"],
  ["Zl", "LineSeparator"],
  ["Zp", "ParagraphSeparator"],
  ["C", "Other"],
  ["Cc", "Control"],
  ["Cf", "Format"],
  ["Co", "PrivateUse"],
  ["Cn", "Unassigned"],
];
