/** Models without merges: the longest tokens from the left (BERT's), and whole words. */
import { countOf, onlyWith, type Rule, textOf, unmet } from "../rules/rule.ts";
import { type Model, type Vocabulary, vocabularyOf } from "./vocabulary.ts";

export function wordPiece(rule: Rule): Model {
  onlyWith(rule, "vocab", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word");
  const vocabulary = vocabularyOf(rule.options);
  const unknown = unknownOf(rule, vocabulary);
  const prefix = textOf(rule, "continuing_subword_prefix");
  const longest = countOf(rule, "max_input_chars_per_word", 100);
  return {
    vocabulary,
    encode: (word, ids) => {
      const pieces = Array.from(word).length > longest ? null : piecesOf(word, vocabulary, prefix);
      ids.push(...(pieces ?? [unknown]));
    },
  };
}

export function wordLevel(rule: Rule): Model {
  onlyWith(rule, "vocab", "unk_token");
  const vocabulary = vocabularyOf(rule.options);
  const unknown = unknownOf(rule, vocabulary);
  return { vocabulary, encode: (word, ids) => void ids.push(vocabulary.ids.get(word) ?? unknown) };
}

/** null: some part of the word is no token. */
function piecesOf(word: string, vocabulary: Vocabulary, prefix: string): number[] | null {
  const ids: number[] = [];
  for (let start = 0; start < word.length; ) {
    let end = word.length;
    let id: number | undefined;
    for (; end > start; end--) {
      id = vocabulary.ids.get((start > 0 ? prefix : "") + word.slice(start, end));
      if (id !== undefined) break;
    }
    if (id === undefined) return null;
    ids.push(id);
    start = end;
  }
  return ids;
}

function unknownOf(rule: Rule, vocabulary: Vocabulary): number {
  const id = vocabulary.ids.get(textOf(rule, "unk_token"));
  if (id === undefined) throw unmet(rule, "unk_token");
  return id;
}
