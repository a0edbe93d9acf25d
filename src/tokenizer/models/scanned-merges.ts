/** Merges as they stand in a file: two halves each, by where their bytes are, without a string for each of a million. */

const [QUOTE, BACKSLASH, COMMA, OPEN, CLOSE, SPACE] = [0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x20];

/** A byte more of a hash that begins with `EMPTY_HASH`: FNV-1a's. */
export const hashed = (hash: number, byte: number): number => Math.imul(hash ^ byte, 0x01000193);
export const EMPTY_HASH = 0x811c9dc5 | 0;

export class ScannedMerges {
  readonly bytes: Uint8Array;
  /** Halves there are: half 2·rank is the left one of a merge. */
  count = 0;
  /** By half: the hash of its bytes, where they are, and how many; those of halves with escapes mean nothing. */
  hashes: Int32Array;
  starts: Int32Array;
  lengths: Int32Array;
  /** Halves with escapes, by their number. */
  readonly escaped = new Map<number, string>();
  /** Past the closing bracket. */
  end = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    const room = 1 << 16;
    [this.hashes, this.starts, this.lengths] = [new Int32Array(room), new Int32Array(room), new Int32Array(room)];
  }

  add(hash: number, start: number, length: number): void {
    if (this.count === this.hashes.length) {
      const room = 2 * this.count;
      this.hashes = grown(this.hashes, room);
      this.starts = grown(this.starts, room);
      this.lengths = grown(this.lengths, room);
    }
    this.hashes[this.count] = hash;
    this.starts[this.count] = start;
    this.lengths[this.count] = length;
    this.count++;
  }

  /** A half as text. */
  text(half: number): string {
    const start = this.starts[half] as number;
    const plain = this.bytes.subarray(start, start + (this.lengths[half] as number));
    return this.escaped.get(half) ?? new TextDecoder().decode(plain);
  }
}

/**
 * The array that begins at `at`, of pairs or of texts with a space between. null: it is written in another way, which whoever
 * asks has to read as JSON.
 */
export function scanMerges(bytes: Uint8Array, at: number): ScannedMerges | null {
  if (bytes[at] !== OPEN) return null;
  const merges = new ScannedMerges(bytes);
  let position = blank(bytes, at + 1);
  for (;;) {
    const inPair = bytes[position] === OPEN;
    const before = merges.count;
    if (inPair) {
      position = scanHalf(merges, blank(bytes, position + 1), false);
      if (position < 0) return null;
      position = blank(bytes, position);
      if (bytes[position] !== COMMA) return null;
      position = scanHalf(merges, blank(bytes, position + 1), false);
      if (position < 0) return null;
      position = blank(bytes, position);
      if (bytes[position] !== CLOSE) return null;
      position++;
    } else {
      position = scanHalf(merges, position, true);
      if (position < 0) return null;
    }
    if (merges.count !== before + 2) return null;
    position = blank(bytes, position);
    if (bytes[position] === CLOSE) {
      merges.end = position + 1;
      return merges;
    }
    if (bytes[position] !== COMMA) return null;
    position = blank(bytes, position + 1);
  }
}

/** A string, added as one half, or as the two around its one space. Where it ends; −1: it is none that is known. */
function scanHalf(merges: ScannedMerges, at: number, parted: boolean): number {
  const { bytes } = merges;
  if (bytes[at] !== QUOTE) return -1;
  let start = at + 1;
  let hash = EMPTY_HASH;
  for (let i = start; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte === QUOTE) {
      merges.add(hash, start, i - start);
      return i + 1;
    }
    if (byte === BACKSLASH) return scanEscaped(merges, at, i, parted);
    if (parted && byte === SPACE) {
      merges.add(hash, start, i - start);
      start = i + 1;
      hash = EMPTY_HASH;
    } else hash = hashed(hash, byte);
  }
  return -1;
}

/** The same for a string with escapes, the `first` of them there. */
function scanEscaped(merges: ScannedMerges, at: number, first: number, parted: boolean): number {
  const { bytes } = merges;
  let end = first;
  while (end < bytes.length && bytes[end] !== QUOTE) end += bytes[end] === BACKSLASH ? 2 : 1;
  let text: string;
  try {
    text = JSON.parse(new TextDecoder().decode(bytes.subarray(at, end + 1)));
  } catch {
    return -1;
  }
  // What was added of this string before the escape is read again.
  if (parted && bytes.subarray(at, first).includes(SPACE)) merges.count--;
  for (const half of parted ? text.split(" ") : [text]) {
    merges.escaped.set(merges.count, half);
    merges.add(0, 0, 0);
  }
  return end + 1;
}

/** Past white space. */
function blank(bytes: Uint8Array, at: number): number {
  let position = at;
  for (;;) {
    const byte = bytes[position];
    if (byte !== SPACE && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return position;
    position++;
  }
}

function grown(list: Int32Array, room: number): Int32Array {
  const larger = new Int32Array(room);
  larger.set(list);
  return larger;
}
