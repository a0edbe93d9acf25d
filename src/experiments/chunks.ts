/** How texts are cut into chunks: so many that a block's calls are full, so few that little is lost with one. */
import type { Plan, PlannedChunk } from "./kind.ts";
import type { CutTexts } from "./lengths.ts";

/** Tokens of a chunk's texts: what the engine takes in one call of a block, and as much again. */
const CHUNK_TOKENS = 1024;
/** Texts of a chunk, however short. */
const CHUNK_TEXTS = 32;

/** Some texts of an experiment, the first of them being text number `first`. */
export interface TextsInput {
  readonly first: number;
  readonly texts: readonly Int32Array[];
}

/** Chunks of neighbouring texts, whatever their lengths. */
export function chunksOfTexts(texts: readonly Int32Array[]): PlannedChunk<TextsInput>[] {
  return chunksByTokens(texts, ({ length }) => length).map(({ first, items }) => ({
    units: items.length,
    longest: longestOf(items).length,
    input: { first, texts: items },
  }));
}

/** What a kind plans that computes text by text. */
export function planOfTexts({ tokens, tokensPerText, lengths }: CutTexts): Plan<TextsInput> {
  return { chunks: chunksOfTexts(tokens), tokensPerText, lengths, texts: tokens.length };
}

/** The longest of some texts, the first of several; without any, one of no tokens. */
export function longestOf(texts: readonly Int32Array[]): Int32Array {
  return texts.reduce((longest, text) => (text.length > longest.length ? text : longest), new Int32Array(0));
}

/** Neighbours whose tokens together fill a chunk; one that has more stands alone. */
export function chunksByTokens<T>(
  items: readonly T[],
  tokensOf: (item: T) => number,
): { readonly first: number; readonly items: readonly T[] }[] {
  const chunks: { first: number; items: T[] }[] = [];
  let room = 0;
  for (const [i, item] of items.entries()) {
    const tokens = tokensOf(item);
    const last = chunks.at(-1);
    if (last && tokens <= room && last.items.length < CHUNK_TEXTS) last.items.push(item);
    else {
      chunks.push({ first: i, items: [item] });
      room = CHUNK_TOKENS;
    }
    room -= tokens;
  }
  return chunks;
}

/** Neighbours in groups of `size`, the last one perhaps smaller. */
export function chunksOf<T>(items: readonly T[], size: number): { readonly first: number; readonly items: readonly T[] }[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => ({
    first: i * size,
    items: items.slice(i * size, (i + 1) * size),
  }));
}
