/** Cutting a normalized text into words, by the types of tokenizer.json's `pre_tokenizer`. */
import { toByteLevel } from "../byte-level.ts";
import { metaspace } from "./metaspace.ts";
import { patternOf, translate } from "./pattern.ts";
import { countOf, flagOf, onlyWith, type Rule, ruleOf, rulesOf, textOf, Unmet, unmet, wordOf } from "./rule.ts";
import { BEHAVIORS, type Behavior, splitText } from "./split.ts";
import { membersOf, WHITE_SPACE } from "./unicode.ts";
import { NUMERIC, PUNCTUATION, WORD } from "./unicode-data.ts";

/** The words of a piece of text, none empty. `first`: the piece is where the whole text begins. */
export type PreTokenizer = (piece: string, first: boolean) => readonly string[];

/** Without one, the whole text is a word. Throws `Unmet` for one that is not known. */
export function preTokenizerOf(value: unknown): PreTokenizer {
  return value === null || value === undefined ? (piece) => [piece] : preTokenizer(ruleOf(value, "pre_tokenizer"));
}

function preTokenizer(rule: Rule): PreTokenizer {
  const make = PRE_TOKENIZERS[rule.type];
  if (!make) throw unmet(rule);
  return make(rule);
}

const PRE_TOKENIZERS: Readonly<Record<string, (rule: Rule) => PreTokenizer>> = {
  Sequence: (rule) => {
    const rules = rulesOf(rule, "pretokenizers");
    // Where a word of a cut text began in the text as it was sent is not followed here.
    const lost = rules.find(({ options }, i) => i > 0 && options.prepend_scheme === "first");
    if (lost) throw new Unmet(`${lost.where} (${lost.type}) has prepend_scheme "first" behind another, which is not known`);
    const parts = rules.map(preTokenizer);
    return (piece, first) =>
      parts.reduce<readonly string[]>((words, part) => words.flatMap((word) => part(word, first)), [piece]);
  },
  ByteLevel: byteLevel,
  Split: (rule) => {
    onlyWith(rule, "pattern", "behavior", "invert");
    return splitting(patternOf(rule), wordOf(rule, "behavior", BEHAVIORS), flagOf(rule, "invert"));
  },
  // Numbers of every script, fractions and Roman ones too.
  Digits: (rule) => {
    onlyWith(rule, "individual_digits");
    return splitting(anyOf(membersOf(NUMERIC)), flagOf(rule, "individual_digits") ? "Isolated" : "Contiguous");
  },
  Metaspace: metaspace,
  Whitespace: (rule) => {
    onlyWith(rule);
    const word = membersOf(WORD);
    return splitting(new RegExp(`[${word}]+|[^${word}${WHITE_SPACE}]+`, "gv"), "Removed", true);
  },
  WhitespaceSplit: (rule) => {
    onlyWith(rule);
    return splitting(anyOf(WHITE_SPACE), "Removed");
  },
  Punctuation: (rule) => {
    onlyWith(rule, "behavior");
    return splitting(anyOf(membersOf(PUNCTUATION)), wordOf(rule, "behavior", BEHAVIORS, "Isolated"));
  },
  BertPreTokenizer: (rule) => {
    onlyWith(rule);
    const words = splitting(anyOf(WHITE_SPACE), "Removed");
    const marks = splitting(anyOf(membersOf(PUNCTUATION)), "Isolated");
    return (piece, first) => words(piece, first).flatMap((word) => marks(word, first));
  },
  CharDelimiterSplit: delimiter,
  Delimiter: delimiter,
  FixedLength: (rule) => {
    onlyWith(rule, "length");
    return splitting(new RegExp(`[^]{1,${countOf(rule, "length", 5)}}`, "gv"), "Isolated");
  },
};

function anyOf(members: string): RegExp {
  return new RegExp(`[${members}]`, "gv");
}

function splitting(pattern: RegExp, behavior: Behavior, inverted = false): PreTokenizer {
  return (piece) => splitText(piece, pattern, behavior, inverted);
}

function delimiter(rule: Rule): PreTokenizer {
  onlyWith(rule, "delimiter");
  const char = textOf(rule, "delimiter");
  if (Array.from(char).length !== 1) throw unmet(rule, "delimiter");
  return splitting(patternOf({ ...rule, options: { pattern: { String: char } } }), "Removed");
}

/** GPT-2's words. */
const WORDS = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

function byteLevel(rule: Rule): PreTokenizer {
  onlyWith(rule, "add_prefix_space", "trim_offsets", "use_regex");
  const prefix = flagOf(rule, "add_prefix_space");
  const pattern = flagOf(rule, "use_regex", true) ? translate(WORDS) : null;
  return (piece) => {
    const text = prefix && !piece.startsWith(" ") ? ` ${piece}` : piece;
    return (pattern ? splitText(text, pattern, "Isolated") : [text]).map(toByteLevel);
  };
}
