/** How texts are cut into chunks: so many that a block's calls are full, so few that little is lost with one. */
import type { PlannedChunk } from "./kind.ts";

/** Tokens of a chunk's texts: what the engine takes in one call of a block, and as much again. */
const CHUNK_TOKENS = 1024;
/** Texts of a chunk, however short. */
const CHUNK_TEXTS = 32;

/** Some texts of an experiment, the first of them being text number `first`. */
export interface TextsInput {
  readonly first: number;
  readonly texts: readonly Int32Array[];
}

/** Chunks of neighbouring texts. */
export function chunksOfTexts(texts: readonly Int32Array[]): PlannedChunk<TextsInput>[] {
  const longest = texts.reduce((most, { length }) => Math.max(most, length), 1);
  return chunksOf(texts, Math.max(1, Math.min(CHUNK_TEXTS, Math.floor(CHUNK_TOKENS / longest)))).map(({ first, items }) => ({
    units: items.length,
    input: { first, texts: items },
  }));
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
