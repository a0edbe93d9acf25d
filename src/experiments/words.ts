/** Words as a model's tokens spell them: what they are, and which tokens each is made of. */
import { isUtf8 } from "node:buffer";
import type { TextTokenizer } from "../tokenizer/tokenizer.ts";

/** A run of letters (and the marks on them), in the text that the tokens spell. */
export interface Word {
  readonly text: string;
  /** Characters start … end − 1 of the text. */
  readonly start: number;
  readonly end: number;
  /**
   * Its tokens, first and last: they hold nothing else but the space before it, which may be a token of its own. null where
   * a token holds more, so that the word cannot be told apart from its neighbours.
   */
  readonly tokens: { readonly first: number; readonly last: number } | null;
  /** Follows a space, and is no part of something longer: of don't, well-known, 4th. */
  readonly whole: boolean;
}

export interface SpelledText {
  /** What the tokens spell: the text itself, unless the tokenizer changes it. */
  readonly text: string;
  readonly words: readonly Word[];
}

type Spelling = Pick<TextTokenizer, "bytes">;

const WORD = /[\p{L}\p{M}]+/gu;
const SPACE = /^\s*$/u;
/** The byte. */
const SINGLE_SPACE = 0x20;
/** What makes the letters before it a part of something longer. */
const GOES_ON = /^(?:[\p{N}_]|['’‐-]\p{L})/u;

/** The words of a text by its tokens, without BOS. Tokens that do not spell UTF-8 together have none. */
export function spell(ids: readonly number[], tokenizer: Spelling): SpelledText {
  const pieces = ids.map((id) => tokenizer.bytes(id));
  const bytes = Buffer.concat(pieces);
  if (!isUtf8(bytes)) return { text: "", words: [] };
  const ends: number[] = [];
  for (const { length } of pieces) ends.push((ends.at(-1) ?? 0) + length);
  const text = bytes.toString("utf8");
  const words: Word[] = [];
  let [seen, at, token] = [0, 0, 0];
  for (const match of text.matchAll(WORD)) {
    const [start, end] = [match.index, match.index + match[0].length];
    const from = at + Buffer.byteLength(text.slice(seen, start));
    const to = from + Buffer.byteLength(match[0]);
    while ((ends[token] as number) <= from) token++;
    const spaced = ends[token - 1] === from && pieces[token - 1]?.length === 1 && bytes[from - 1] === SINGLE_SPACE;
    const first = spaced ? token - 1 : token;
    while ((ends[token] as number) < to) token++;
    const apart = ends[token] === to && SPACE.test(bytes.toString("utf8", ends[first - 1] ?? 0, from));
    const whole = start > 0 && SPACE.test(text.charAt(start - 1)) && !GOES_ON.test(text.slice(end, end + 3));
    words.push({ text: match[0], start, end, tokens: apart ? { first, last: token } : null, whole });
    [seen, at] = [end, to];
  }
  return { text, words };
}

/** Texts that are looked at before others get their turn. */
const TEXTS_PER_TURN = 8;

/** `look` at every text in order, leaving others their turn. */
export async function inTurn<T, R>(items: readonly T[], look: (item: T, index: number) => R): Promise<R[]> {
  const results: R[] = [];
  for (const [index, item] of items.entries()) {
    results.push(look(item, index));
    if (index % TEXTS_PER_TURN === TEXTS_PER_TURN - 1) await new Promise((resolve) => setImmediate(resolve));
  }
  return results;
}

/** The first of every list, then the second of every list, …: so that few lists do not crowd out the others. */
export function* roundRobin<T>(lists: readonly (readonly T[])[]): Generator<T> {
  const longest = lists.reduce((most, { length }) => Math.max(most, length), 0);
  for (let i = 0; i < longest; i++) for (const list of lists) if (i < list.length) yield list[i] as T;
}
