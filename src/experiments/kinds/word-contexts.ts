/** Words in the contexts that they end: words of many tokens, and words of one to compare them with. */
import type { TextTokenizer } from "../../tokenizer/tokenizer.ts";
import { inTurn, roundRobin, spell, type Word } from "../words.ts";

/** Words of so many tokens as was asked, or of one. */
export type Sort = "multi" | "single";

export interface WordContext {
  /** Number of the text it is of. */
  readonly text: number;
  readonly sort: Sort;
  /** BOS, the words before, and the word itself: its last token is the last. */
  readonly tokens: Int32Array;
}

export interface WordContextsAsk {
  readonly tokenizer: Pick<TextTokenizer, "encode" | "bytes">;
  /** Of `multi`, at least 2. */
  readonly tokensPerWord: number;
  /** Words of a context, its own among them. */
  readonly contextWords: number;
  /** Of each sort. */
  readonly mostWords: number;
  /** Of a context. */
  readonly mostTokens: number;
  /** null: none. */
  readonly bos: number | null;
}

export interface WordContexts {
  /** By text, then as they stand in it. */
  readonly words: readonly WordContext[];
  /** Contexts left out for having more tokens than the model takes. */
  readonly tooLong: number;
}

/** A word that may do, before its context has been looked at. */
interface Candidate {
  readonly text: number;
  readonly sort: Sort;
  /** Of the word in its text. */
  readonly end: number;
  readonly context: string;
}

/**
 * Of each sort the first of every text, then the second of every text, … In its context a word must be as many tokens
 * as in its text, and have as many before it as are looked at.
 */
export async function wordContexts(texts: readonly string[], ask: WordContextsAsk): Promise<WordContexts> {
  const candidates = await inTurn(texts, (text, i) => candidatesOf(text, i, ask));
  const words: (WordContext & { readonly end: number })[] = [];
  let tooLong = 0;
  for (const sort of ["multi", "single"] as const) {
    let chosen = 0;
    for (const candidate of roundRobin(candidates.map((list) => list.filter((each) => each.sort === sort)))) {
      if (chosen === ask.mostWords) break;
      const tokens = contextTokens(candidate, ask);
      if (!tokens) continue;
      if (tokens.length > ask.mostTokens) {
        tooLong++;
        continue;
      }
      chosen++;
      words.push({ text: candidate.text, sort, tokens: Int32Array.from(tokens), end: candidate.end });
    }
  }
  words.sort((a, b) => a.text - b.text || a.end - b.end);
  return { words: words.map(({ text, sort, tokens }) => ({ text, sort, tokens })), tooLong };
}

function candidatesOf(text: string, index: number, { tokenizer, tokensPerWord, contextWords }: WordContextsAsk): Candidate[] {
  const spelled = spell(tokenizer.encode(text), tokenizer);
  return spelled.words.flatMap((word, i) => {
    const first = spelled.words[i - contextWords + 1];
    const length = lengthOf(word);
    if (!first || !word.whole || (length !== 1 && length !== tokensPerWord)) return [];
    const sort = length === 1 ? "single" : "multi";
    return [{ text: index, sort, end: word.end, context: spelled.text.slice(first.start, word.end) }];
  });
}

function contextTokens({ context, sort }: Candidate, { tokenizer, tokensPerWord, bos }: WordContextsAsk): number[] | null {
  const ids = tokenizer.encode(context);
  const word = spell(ids, tokenizer).words.at(-1);
  const length = sort === "single" ? 1 : tokensPerWord;
  if (!word || lengthOf(word) !== length || word.tokens?.last !== ids.length - 1 || ids.length < tokensPerWord) return null;
  return bos === null ? ids : [bos, ...ids];
}

/** 0: its tokens cannot be told apart from its neighbours'. */
function lengthOf({ tokens }: Word): number {
  return tokens ? tokens.last - tokens.first + 1 : 0;
}
