/**
 * PCG32 (XSH RR 64/32; M. E. O'Neill, pcg-random.org), with the stream number of its published demonstration, whose
 * output is the test of this file. Every number is an unsigned 32-bit integer.
 */
const MULTIPLIER = 6364136223846793005n;
const STREAM = 54n;
const MASK = (1n << 64n) - 1n;

export interface Generator {
  /** The next 32 bits. */
  next(): number;
  /** A whole number from 0 to bound − 1, each equally likely. */
  below(bound: number): number;
}

/** A generator whose numbers depend on the seed alone, on every machine. */
export function pcg32(seed: number | bigint): Generator {
  const increment = (STREAM << 1n) | 1n;
  let state = 0n;
  const next = (): number => {
    const old = state;
    state = (old * MULTIPLIER + increment) & MASK;
    const bits = Number((((old >> 18n) ^ old) >> 27n) & 0xffffffffn);
    const turn = Number(old >> 59n);
    return ((bits >>> turn) | (bits << (-turn & 31))) >>> 0;
  };
  next();
  state = (state + BigInt(seed)) & MASK;
  next();
  const below = (bound: number): number => {
    // Of 2³² numbers, the lowest 2³² mod bound would make some remainders likelier than others.
    const threshold = (2 ** 32 - bound) % bound;
    for (;;) {
      const bits = next();
      if (bits >= threshold) return bits % bound;
    }
  };
  return { next, below };
}

/** Fisher–Yates from the last entry down, as PCG's demonstration deals its cards. Every order is equally likely. */
export function shuffled<T>(values: readonly T[], generator: Generator): T[] {
  const result = [...values];
  for (let left = result.length; left > 1; left--) {
    const chosen = generator.below(left);
    const value = result[chosen] as T;
    result[chosen] = result[left - 1] as T;
    result[left - 1] = value;
  }
  return result;
}
