import { isObject, type Json, quote, Unmet } from "../rules/rule.ts";

export interface Vocabulary {
  readonly ids: ReadonlyMap<string, number>;
  /** By id; there may be holes. */
  readonly tokens: readonly string[];
}

export interface Model {
  readonly vocabulary: Vocabulary;
  /** Adds a word's ids to those there are. */
  encode(word: string, ids: number[]): void;
}

/** `vocab` as an object from tokens to ids. */
export function vocabularyOf({ vocab }: Json): Vocabulary {
  if (!isObject(vocab)) throw new Unmet(`model.vocab is ${quote(vocab)}; an object from tokens to ids is expected`);
  const names = Object.keys(vocab);
  const numbers = Object.values(vocab);
  const ids = new Map<string, number>();
  const tokens = new Array<string>(names.length); // in one piece, in whatever order they come
  for (let i = 0; i < names.length; i++) {
    const [token, id] = [names[i] as string, numbers[i]];
    if (!Number.isSafeInteger(id) || (id as number) < 0)
      throw new Unmet(`model.vocab: token ${quote(token)} has the id ${quote(id)}`);
    ids.set(token, id as number);
    tokens[id as number] = token;
  }
  // Ids may have gaps, and then the last is beyond their number.
  let size = tokens.length;
  while (size > 0 && tokens[size - 1] === undefined) size--;
  tokens.length = size;
  return { ids, tokens };
}

/** What stands for single bytes, by their value: `<0x0A>`. Ids; null where one of the bytes has none. */
export function byteFallbacks(text: string, vocabulary: Vocabulary): number[] | null {
  const ids: number[] = [];
  for (const byte of new TextEncoder().encode(text)) {
    const id = vocabulary.ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
    if (id === undefined) return null;
    ids.push(id);
  }
  return ids;
}
