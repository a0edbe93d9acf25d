import { inOrder, keeping, lowercase, type Normalizer, normalForm, removing } from "./normalizer.ts";
import { flagOf, onlyWith, type Rule } from "./rule.ts";
import { membersOf } from "./unicode.ts";
import { NONSPACING, UNCLEAN } from "./unicode-data.ts";

/** Ideographs, each a word of its own; without Extension E's first part, as the package has it. */
const IDEOGRAPH =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;

/** BERT's: controls away, white space to spaces, spaces around ideographs, accents away, lower case; each as its flag says. */
export function bertNormalizer(rule: Rule): Normalizer {
  onlyWith(rule, "clean_text", "handle_chinese_chars", "strip_accents", "lowercase");
  const lower = flagOf(rule, "lowercase");
  const parts: Normalizer[] = [];
  if (flagOf(rule, "clean_text"))
    parts.push(
      removing(membersOf(UNCLEAN)),
      keeping((text) => text.replace(/\p{White_Space}/gu, " ")),
    );
  if (flagOf(rule, "handle_chinese_chars")) parts.push(keeping((text) => text.replace(IDEOGRAPH, " $& ")));
  // null, like absent: as `lowercase` says.
  if (flagOf(rule, "strip_accents", lower))
    parts.push(
      keeping((text) => normalForm(text, "NFD")),
      removing(membersOf(NONSPACING)),
    );
  if (lower) parts.push(keeping(lowercase));
  return inOrder(parts);
}
