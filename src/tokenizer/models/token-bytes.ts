import { EMPTY_HASH, hashed, type ScannedMerges } from "./scanned-merges.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** The id of a half of a merge; −1: it is not in the vocabulary. */
export type HalfIds = (half: number) => number;

/** Finds token ids by their bytes in UTF-8: a million look-ups without a string. */
export function halfIds({ ids }: Vocabulary, merges: ScannedMerges): HalfIds {
  // One call for all: a view for each token would take longer than the rest.
  const tokenBytes = new TextEncoder().encode([...ids.keys()].join(""));
  const mask = 2 ** Math.ceil(Math.log2(2 * ids.size + 2)) - 1;
  // A token's record is one line of the cache: hash, id + 1 (0: free), where its bytes begin, how many.
  const records = new Int32Array(4 * (mask + 1));
  let start = 0;
  for (const [token, id] of ids) {
    const length = byteCount(token);
    let hash = EMPTY_HASH;
    for (let i = start; i < start + length; i++) hash = hashed(hash, tokenBytes[i] as number);
    let at = 4 * slotOf(hash, mask);
    while (records[at + 1] !== 0) at = (at + 4) & (4 * mask + 3);
    records[at] = hash;
    records[at + 1] = id + 1;
    records[at + 2] = start;
    records[at + 3] = length;
    start += length;
  }

  const { bytes, hashes, starts, lengths, escaped } = merges;
  const equal = (tokenStart: number, from: number, length: number): boolean => {
    for (let i = 0; i < length; i++) if (tokenBytes[tokenStart + i] !== bytes[from + i]) return false;
    return true;
  };
  const someEscaped = escaped.size > 0;
  return (half) => {
    const text = someEscaped ? escaped.get(half) : undefined;
    if (text !== undefined) return ids.get(text) ?? -1;
    const hash = hashes[half] as number;
    const length = lengths[half] as number;
    for (let at = 4 * slotOf(hash, mask); ; at = (at + 4) & (4 * mask + 3)) {
      const id = (records[at + 1] as number) - 1;
      if (id < 0) return -1;
      if (records[at] === hash && records[at + 3] === length && equal(records[at + 2] as number, starts[half] as number, length))
        return id;
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
