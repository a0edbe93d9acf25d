/** Tokens beside the model's own: found in a text as they stand, before anything else is done to it. */
import type { Normalizer } from "./rules/normalizer.ts";
import { isObject, quote, Unmet } from "./rules/rule.ts";
import { membersOf } from "./rules/unicode.ts";
import { WORD } from "./rules/unicode-data.ts";

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Only where no word goes on at either side. */
  readonly singleWord: boolean;
  /** With the white space before it, and after it. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Looked for in the normalized text, in its own normal form. */
  readonly normalized: boolean;
}

/** A part of a text: a token's id, or text that is none. */
export type Part = { readonly id: number } | { readonly text: string; readonly start: number };

export interface AddedTokens {
  readonly tokens: readonly AddedToken[];
  /** In a text as it was sent. */
  split(text: string): Part[];
  /** In normalized text. */
  splitNormalized(text: string): Part[];
}

/** The vocabulary that the tokens are added to. */
interface Known {
  readonly size: number;
  idOf(token: string): number | undefined;
}

/** Throws `Unmet` where an id is not the one that the `tokenizers` package gives: the model's, or the next that is free. */
export function addedTokensOf(value: unknown, model: Known, normalizer: Normalizer | null): AddedTokens {
  if (value !== undefined && !Array.isArray(value)) throw new Unmet(`added_tokens is ${quote(value)}; an array is expected`);
  const ids = new Map<string, number>();
  const tokens = new Map<number, AddedToken>();
  let next = model.size;
  for (const entry of value ?? []) {
    const token = tokenOf(entry);
    if (token.content === "") continue;
    const id = ids.get(token.content) ?? model.idOf(token.content) ?? next++;
    if (id !== token.id)
      throw new Unmet(`added token ${quote(token.content)} has the id ${token.id}; in order of the file it is ${id}`);
    ids.set(token.content, id);
    tokens.set(id, token);
  }
  const raw = new Finder();
  const normal = new Finder();
  for (const token of tokens.values()) {
    if (!token.normalized) raw.add(token.content, token);
    else normal.add(normalizer ? normalizer.normalize(token.content) : token.content, token);
  }
  return {
    tokens: [...tokens.values()],
    split: (text) => raw.split(text),
    splitNormalized: (text) => normal.split(text),
  };
}

function tokenOf(value: unknown): AddedToken {
  if (!isObject(value) || typeof value.content !== "string" || !Number.isSafeInteger(value.id) || (value.id as number) < 0)
    throw new Unmet(`added_tokens has ${quote(value)}; an object with a content and an id is expected`);
  const flag = (key: string) => value[key] === true;
  return {
    id: value.id as number,
    content: value.content,
    singleWord: flag("single_word"),
    lstrip: flag("lstrip"),
    rstrip: flag("rstrip"),
    normalized: flag("normalized"),
  };
}

interface Node {
  token?: AddedToken;
  readonly next: Map<number, Node>;
}

const SPACE = /\p{White_Space}/u;

/** Tokens as a trie of UTF-16 units. */
class Finder {
  readonly #root: Node = { next: new Map() };

  add(content: string, token: AddedToken): void {
    let node = this.#root;
    for (let i = 0; i < content.length; i++) {
      const unit = content.charCodeAt(i);
      let child = node.next.get(unit);
      if (!child) {
        child = { next: new Map() };
        node.next.set(unit, child);
      }
      node = child;
    }
    if (node === this.#root || node.token)
      throw new Unmet(`added token ${quote(token.content)} cannot be told from ${node.token ? "another" : "nothing"}`);
    node.token = token;
  }

  /** Cuts a text at the leftmost tokens, the longest of those that begin there. */
  split(text: string): Part[] {
    if (this.#root.next.size === 0) return text === "" ? [] : [{ text, start: 0 }];
    const parts: Part[] = [];
    let done = 0;
    for (let at = 0; at < text.length; ) {
      const found = this.#longestAt(text, at);
      const after = found ? at + found.length : at + 1;
      if (found && !(found.token.singleWord && isWithinWord(text, at, after))) {
        const start = found.token.lstrip ? Math.max(done, spaceBefore(text, at)) : at;
        if (done < start) parts.push({ text: text.slice(done, start), start: done });
        parts.push({ id: found.token.id });
        done = found.token.rstrip ? spaceAfter(text, after) : after;
      }
      at = after;
    }
    if (done < text.length) parts.push({ text: text.slice(done), start: done });
    return parts;
  }

  #longestAt(text: string, at: number): { readonly token: AddedToken; readonly length: number } | null {
    let node = this.#root.next.get(text.charCodeAt(at));
    let found: { token: AddedToken; length: number } | null = null;
    for (let end = at + 1; node; node = node.next.get(text.charCodeAt(end++)))
      if (node.token) found = { token: node.token, length: end - at };
    return found;
  }
}

function isWithinWord(text: string, start: number, end: number): boolean {
  const word = membersOf(WORD);
  // Two units hold the character at either side.
  const before = new RegExp(`[${word}]$`, "v").test(text.slice(Math.max(0, start - 2), start));
  return before || new RegExp(`^[${word}]`, "v").test(text.slice(end, end + 2));
}

function spaceBefore(text: string, end: number): number {
  let start = end;
  while (start > 0 && SPACE.test(text.charAt(start - 1))) start--;
  return start;
}

function spaceAfter(text: string, start: number): number {
  let end = start;
  while (end < text.length && SPACE.test(text.charAt(end))) end++;
  return end;
}
