/** From words to token ids, by the types of tokenizer.json's `model`. */
import { isObject, ruleOf, Unmet, unmet } from "../rules/rule.ts";
import { bpe } from "./bpe.ts";
import { unigram } from "./unigram.ts";
import type { Model } from "./vocabulary.ts";
import { wordLevel, wordPiece } from "./word-piece.ts";

/** Throws `Unmet` for a model that is not known. */
export function modelOf(value: unknown): Model {
  if (!isObject(value)) throw new Unmet("tokenizer.json has no model");
  // Older files say no type; what only byte pair encoding has is its merges.
  const rule = ruleOf(value.type === undefined && value.merges !== undefined ? { ...value, type: "BPE" } : value, "model");
  if (rule.type === "BPE") return bpe(rule);
  if (rule.type === "WordPiece") return wordPiece(rule);
  if (rule.type === "WordLevel") return wordLevel(rule);
  if (rule.type === "Unigram") return unigram(rule);
  throw unmet(rule);
}
