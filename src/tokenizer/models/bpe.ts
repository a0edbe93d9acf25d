/** Byte pair encoding: a word's characters, and the pairs of them that merge, the lowest rank first. */
import { flagOf, onlyWith, quote, type Rule, textOf, Unmet, unmet } from "../rules/rule.ts";
import { MergeQueue } from "./merge-queue.ts";
import { type Merges, mergesOf } from "./merges.ts";
import { byteFallbacks, type Model, type Vocabulary, vocabularyOf } from "./vocabulary.ts";

/** Words whose ids are kept, and how long one may be: most of a text are few words. */
const MAX_KEPT = 20_000;
const MAX_KEPT_LENGTH = 64;

export function bpe(rule: Rule): Model {
  onlyWith(
    rule,
    ...[
      "vocab",
      "merges",
      "dropout",
      "unk_token",
      "continuing_subword_prefix",
      "end_of_word_suffix",
      "fuse_unk",
      "byte_fallback",
    ],
    "ignore_merges",
  );
  // Ids that are drawn at random are no ids.
  if (rule.options.dropout) throw unmet(rule, "dropout");
  return new Bpe(rule);
}

class Bpe implements Model {
  readonly vocabulary: Vocabulary;
  readonly #merges: Merges;
  /** The token of what is unknown; null: it is left out. */
  readonly #unknown: string | null;
  readonly #fuses: boolean;
  readonly #fallsBack: boolean;
  readonly #whole: boolean;
  readonly #prefix: string;
  readonly #suffix: string;
  readonly #kept = new Map<string, readonly number[]>();

  constructor(rule: Rule) {
    this.vocabulary = vocabularyOf(rule.options);
    this.#prefix = textOf(rule, "continuing_subword_prefix", "");
    this.#suffix = textOf(rule, "end_of_word_suffix", "");
    this.#merges = mergesOf(rule.options.merges, this.vocabulary, this.#prefix);
    this.#fuses = flagOf(rule, "fuse_unk", false);
    this.#fallsBack = flagOf(rule, "byte_fallback", false);
    this.#whole = flagOf(rule, "ignore_merges", false);
    const unknown = rule.options.unk_token ?? null;
    this.#unknown = unknown === null ? null : textOf(rule, "unk_token");
  }

  encode(word: string, ids: number[]): void {
    const whole = this.#whole ? this.vocabulary.ids.get(word) : undefined;
    if (whole !== undefined) {
      ids.push(whole);
      return;
    }
    let found = this.#kept.get(word);
    if (!found) {
      found = this.#mergeAll(this.#symbols(word));
      if (word.length <= MAX_KEPT_LENGTH) {
        if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
        this.#kept.set(word, found);
      }
    }
    for (const id of found) ids.push(id);
  }

  /** A word's characters; one that is no token is its bytes, or unknown, or left out. */
  #symbols(word: string): number[] {
    const symbols: number[] = [];
    let unknown: number | null = null; // not yet added: what is unknown next may belong to it
    const chars = Array.from(word);
    for (const [i, char] of chars.entries()) {
      const token = (i > 0 ? this.#prefix : "") + char + (i === chars.length - 1 ? this.#suffix : "");
      const id = this.vocabulary.ids.get(token);
      if (id !== undefined) {
        if (unknown !== null) symbols.push(unknown);
        unknown = null;
        symbols.push(id);
        continue;
      }
      const bytes = this.#fallsBack ? byteFallbacks(token, this.vocabulary) : null;
      if (bytes) {
        // What was unknown comes after these, as the `tokenizers` package has it.
        symbols.push(...bytes);
      } else if (this.#unknown !== null) {
        if (unknown !== null && !this.#fuses) symbols.push(unknown);
        unknown = this.#unknownId(this.#unknown, token);
      }
    }
    if (unknown !== null) symbols.push(unknown);
    return symbols;
  }

  /** GPT-2's file names one, "", that is not in the vocabulary: nothing is unknown to bytes. */
  #unknownId(name: string, token: string): number {
    const id = this.vocabulary.ids.get(name);
    if (id === undefined)
      throw new Unmet(`model.unk_token ${quote(name)} is not in the vocabulary, and ${quote(token)} is neither`);
    return id;
  }

  /** Merges until nothing is left to merge. Takes time in n·log n: a word may be a whole text. */
  #mergeAll(symbols: number[]): number[] {
    const count = symbols.length;
    const { rankOf, mergedOf } = this.#merges;
    const queue = new MergeQueue();
    const previous = Int32Array.from(symbols, (_, i) => i - 1);
    const next = Int32Array.from(symbols, (_, i) => (i + 1 < count ? i + 1 : -1));
    const offer = (left: number, right: number): void => {
      if (left < 0 || right < 0) return;
      const rank = rankOf(symbols[left] as number, symbols[right] as number);
      if (rank >= 0) queue.push(rank, left);
    };
    for (let i = 0; i + 1 < count; i++) offer(i, i + 1);
    while (queue.pop()) {
      const { rank, position } = queue;
      const right = next[position] as number;
      if (right < 0 || symbols[position] === GONE) continue;
      // Both may have merged with others since.
      const now = rankOf(symbols[position] as number, symbols[right] as number);
      if (now < 0 || mergedOf(now) !== mergedOf(rank)) continue;
      symbols[position] = mergedOf(rank);
      symbols[right] = GONE;
      const after = next[right] as number;
      next[position] = after;
      if (after >= 0) previous[after] = position;
      offer(previous[position] as number, position);
      offer(position, after);
    }
    return symbols.filter((id) => id !== GONE);
  }
}

/** In place of a symbol that became part of the one before it. */
const GONE = -1;
