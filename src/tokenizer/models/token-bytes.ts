import { EMPTY_HASH, hashed, type ScannedMerges } from "./scanned-merges.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** The id of a half of a merge; −1: it is not in the vocabulary. */
export type HalfIds = (half: number) => number;

/** Finds token ids by their bytes in UTF-8: a million look-ups without a string. */
export function halfIds({ ids }: Vocabulary, merges: ScannedMerges): HalfIds {
  // One call for all: a view for each token would take longer than the rest.
  const tokenBytes = new TextEncoder().encode([...ids.keys()].join(""));
  // By number, in the order of the vocabulary.
  const ends = new Int32Array(ids.size + 1); // where the bytes of the one before end
  const tokenIds = new Int32Array(ids.size);
  const tokenHashes = new Int32Array(ids.size);
  const mask = 2 ** Math.ceil(Math.log2(4 * ids.size + 2)) - 1;
  const slots = new Int32Array(mask + 1); // number + 1; 0: free
  let number = 0;
  let end = 0;
  for (const [token, id] of ids) {
    const start = end;
    end += byteCount(token);
    let hash = EMPTY_HASH;
    for (let i = start; i < end; i++) hash = hashed(hash, tokenBytes[i] as number);
    tokenIds[number] = id;
    tokenHashes[number] = hash;
    let slot = slotOf(hash, mask);
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = ++number;
    ends[number] = end;
  }

  const { bytes, hashes, starts, lengths, escaped } = merges;
  const equal = (token: number, half: number): boolean => {
    const start = ends[token] as number;
    const from = starts[half] as number;
    const length = lengths[half] as number;
    if ((ends[token + 1] as number) - start !== length) return false;
    for (let i = 0; i < length; i++) if (tokenBytes[start + i] !== bytes[from + i]) return false;
    return true;
  };
  const someEscaped = escaped.size > 0;
  return (half) => {
    const text = someEscaped ? escaped.get(half) : undefined;
    if (text !== undefined) return ids.get(text) ?? -1;
    const hash = hashes[half] as number;
    for (let slot = slotOf(hash, mask); ; slot = (slot + 1) & mask) {
      const token = (slots[slot] as number) - 1;
      if (token < 0) return -1;
      if (tokenHashes[token] === hash && equal(token, half)) return tokenIds[token] as number;
    }
  };
}

/** Bytes of a text in UTF-8. */
function byteCount(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // Of a surrogate pair each half counts two.
    count += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 2 : 3;
  }
  return count;
}

function slotOf(hash: number, mask: number): number {
  return (hash ^ (hash >>> 15)) & mask;
}
