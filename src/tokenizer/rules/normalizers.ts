/** What is done to a text before it is cut into words, by the types of tokenizer.json's `normalizer`. */
import { Problem } from "../../problem.ts";
import { toByteLevel } from "../byte-level.ts";
import { bertNormalizer } from "./bert-normalizer.ts";
import { inOrder, keeping, lowercase, type Normalizer, normalForm, removing } from "./normalizer.ts";
import { patternOf } from "./pattern.ts";
import { precompiled } from "./precompiled.ts";
import { flagOf, onlyWith, type Rule, ruleOf, rulesOf, textOf, unmet } from "./rule.ts";
import { membersOf } from "./unicode.ts";
import { COMBINING } from "./unicode-data.ts";

/** Characters that a text may have after a step: rules that write more than they read could go on for ever. */
const MOST_WRITTEN = 2 ** 22;

/** What is written `times` beside `length` characters. Throws `invalid_request` where that is too much. */
function bounded(content: string, length: number, times = 1): string {
  const size = length + content.length * times;
  if (size > MOST_WRITTEN)
    throw new Problem(
      "invalid_request",
      `the model's normalizer would make ${size} characters of this text; at most ${MOST_WRITTEN} are allowed`,
    );
  return content;
}

/** Characters that a pattern leaves as they are, and how often it matches. */
function besides(text: string, pattern: RegExp): [length: number, times: number] {
  let [length, times] = [text.length, 0];
  for (const [match] of text.matchAll(pattern)) {
    length -= match.length;
    times++;
  }
  return [length, times];
}

/** null: there is none. Throws `Unmet` for one that is not known. */
export function normalizerOf(value: unknown): Normalizer | null {
  return value === null || value === undefined ? null : normalizer(ruleOf(value, "normalizer"));
}

function normalizer(rule: Rule): Normalizer {
  const make = NORMALIZERS[rule.type];
  if (!make) throw unmet(rule);
  return make(rule);
}

const NORMALIZERS: Readonly<Record<string, (rule: Rule) => Normalizer>> = {
  Sequence: (rule) => inOrder(rulesOf(rule, "normalizers").map(normalizer)),
  NFC: (rule) => unicode(rule, "NFC"),
  NFD: (rule) => unicode(rule, "NFD"),
  NFKC: (rule) => unicode(rule, "NFKC"),
  NFKD: (rule) => unicode(rule, "NFKD"),
  Replace: replace,
  Prepend: (rule) => {
    onlyWith(rule, "prepend");
    const prefix = textOf(rule, "prepend");
    return keeping((text) => text && bounded(prefix, text.length) + text);
  },
  Strip: strip,
  StripAccents: (rule) => {
    onlyWith(rule);
    return removing(membersOf(COMBINING));
  },
  Lowercase: (rule) => {
    onlyWith(rule);
    return keeping(lowercase);
  },
  // Its own list of controls and of what stands for a space.
  Nmt: (rule) => {
    onlyWith(rule);
    const spaces = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g;
    const visible = removing("\\x01-\\x08\\x0b\\x0e-\\x1f\\x7f\\x8f\\x9f");
    return { ...visible, normalize: (text) => visible.normalize(text).replace(spaces, " ") };
  },
  ByteLevel: (rule) => {
    onlyWith(rule);
    return keeping(toByteLevel);
  },
  BertNormalizer: bertNormalizer,
  Precompiled: precompiled,
};

function unicode(rule: Rule, form: "NFC" | "NFD" | "NFKC" | "NFKD"): Normalizer {
  onlyWith(rule);
  return keeping((text) => normalForm(text, form));
}

function replace(rule: Rule): Normalizer {
  onlyWith(rule, "pattern", "content");
  const pattern = patternOf(rule);
  const content = textOf(rule, "content");
  return {
    normalize: (text) => {
      if (content.length * (text.length + 1) > MOST_WRITTEN) bounded(content, ...besides(text, pattern));
      return text.replace(pattern, () => content);
    },
    keepsStart: (text) => {
      const first = text.matchAll(pattern).next().value;
      return first === undefined || first.index > 0 || (content !== "" && Array.from(first[0]).length <= 1);
    },
  };
}

function strip(rule: Rule): Normalizer {
  onlyWith(rule, "strip_left", "strip_right");
  const left = flagOf(rule, "strip_left");
  const right = flagOf(rule, "strip_right");
  return {
    normalize: (text) => {
      const rest = left ? text.replace(/^\p{White_Space}+/u, "") : text;
      return right ? rest.slice(0, endOfText(rest)) : rest;
    },
    keepsStart: (text) => !left || !/^\p{White_Space}/u.test(text),
  };
}

/** Where the white space at the end of a text begins. */
function endOfText(text: string): number {
  let end = text.length;
  while (end > 0 && /\p{White_Space}/u.test(text.charAt(end - 1))) end--;
  return end;
}
