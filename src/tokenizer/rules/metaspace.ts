import { patternOf } from "./pattern.ts";
import type { PreTokenizer } from "./pre-tokenizers.ts";
import { flagOf, onlyWith, type Rule, textOf, unmet, wordOf } from "./rule.ts";
import { splitText } from "./split.ts";

/**
 * SentencePiece's spaces: "▁" for each, one in front as `prepend_scheme` says, and a word from one to the next unless
 * `split` is false. Older files say `add_prefix_space` instead; false there goes with `never` only.
 */
export function metaspace(rule: Rule): PreTokenizer {
  onlyWith(rule, "replacement", "str_rep", "add_prefix_space", "prepend_scheme", "split");
  const mark = textOf(rule, "replacement");
  if (Array.from(mark).length !== 1) throw unmet(rule, "replacement");
  const scheme = wordOf(rule, "prepend_scheme", ["always", "first", "never"], "always");
  if (!flagOf(rule, "add_prefix_space", scheme !== "never") && scheme !== "never") throw unmet(rule, "add_prefix_space");
  const split = flagOf(rule, "split", true);
  const marks = patternOf({ ...rule, options: { pattern: { String: mark } } });
  return (piece, first) => {
    const spaced = piece.replaceAll(" ", () => mark);
    const prepends = (scheme === "always" || (scheme === "first" && first)) && !spaced.startsWith(mark);
    const text = prepends ? mark + spaced : spaced;
    return split ? splitText(text, marks, "MergedWithNext") : [text];
  };
}
