/**
 * Quantiles of any number of values in bounded memory: counts in logarithmic buckets (Masson, Rim and Lee 2019, DDSketch,
 * arXiv 1908.10693). Counts are whole numbers, so sketches merged in any order are the same bit for bit.
 */

/** Each bucket's upper edge over its lower edge. */
const GROWTH = 1.02;
/** A quantile is within this share of the true value, for magnitudes from SMALLEST to LARGEST: (1.02 − 1)/(1.02 + 1) < 1 %. */
export const RELATIVE_ERROR = 0.01;
/** Nearer to zero than this, a value counts as zero; also the absolute error there. */
export const SMALLEST_MAGNITUDE = 1e-9;
/** Values beyond it, infinities too, count as it. */
export const LARGEST_MAGNITUDE = 1e9;

const LOG_GROWTH = Math.log(GROWTH);
const PER_SIGN = Math.ceil(Math.log(LARGEST_MAGNITUDE / SMALLEST_MAGNITUDE) / LOG_GROWTH);
/** The most buckets a sketch can have: both signs and zero. */
export const MOST_BUCKETS = 2 * PER_SIGN + 1;
/** The dense window of counts grows by this many buckets at a time. */
const CHUNK = 64;

/** A sketch as plain data: only buckets that hold something. `min` and `max` are null when it is empty. */
export interface EncodedSketch {
  /** Ascending, so in the order of the values: −k and k for bucket k of a sign, 0 for zero. */
  readonly buckets: Int32Array;
  /** Of each bucket, at least 1; float64 holds whole numbers to 2⁵³. */
  readonly counts: Float64Array;
  readonly min: number | null;
  readonly max: number | null;
}

/** Bucket k > 0 holds (SMALLEST · 1.02^(k−1), SMALLEST · 1.02^k], SMALLEST itself in the first; −k the same below zero. */
function bucketOf(value: number): number {
  const magnitude = Math.abs(value);
  if (magnitude < SMALLEST_MAGNITUDE) return 0;
  const k = Math.min(Math.max(Math.ceil(Math.log(magnitude / SMALLEST_MAGNITUDE) / LOG_GROWTH), 1), PER_SIGN);
  return value < 0 ? -k : k;
}

/** What stands for a bucket's values: as far from the lower edge as from the upper one, relatively. */
function representative(bucket: number): number {
  if (bucket === 0) return 0;
  return Math.sign(bucket) * SMALLEST_MAGNITUDE * GROWTH ** Math.abs(bucket) * (2 / (GROWTH + 1));
}

/** Counts of values in at most MOST_BUCKETS buckets, with the exact least and largest value. */
export class QuantileSketch {
  /** Counts of buckets #low … #low + #counts.length − 1. */
  #counts = new Float64Array(0);
  #low = 0;
  #count = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  /** How many values were added. */
  get count(): number {
    return this.#count;
  }

  /** The least value, clamped to ±LARGEST_MAGNITUDE; null when empty. */
  get min(): number | null {
    return this.#count === 0 ? null : this.#min;
  }

  /** The largest value, likewise. */
  get max(): number | null {
    return this.#count === 0 ? null : this.#max;
  }

  /** RangeError for NaN. */
  add(value: number): void {
    if (Number.isNaN(value)) throw new RangeError("a quantile sketch takes numbers, not NaN");
    // + 0 makes −0 a 0.
    const clamped = Math.min(Math.max(value, -LARGEST_MAGNITUDE), LARGEST_MAGNITUDE) + 0;
    this.#put(bucketOf(clamped), 1);
    this.#widen(clamped, clamped);
  }

  /** Adds all that `other` counted; `other` stays as it is. */
  merge(other: QuantileSketch): void {
    const { buckets, counts, min, max } = other.encode();
    for (const [i, bucket] of buckets.entries()) this.#put(bucket, counts[i] as number);
    if (min !== null && max !== null) this.#widen(min, max);
  }

  /**
   * The value at rank floor(q (n − 1)) of the n sorted values, from 0: no interpolation, the lower of two. The first
   * and last are exact, others within RELATIVE_ERROR (or SMALLEST_MAGNITUDE about zero). null when empty; RangeError for q outside 0 … 1.
   */
  quantile(q: number): number | null {
    if (!(q >= 0 && q <= 1)) throw new RangeError(`a quantile lies between 0 and 1, not at ${q}`);
    if (this.#count === 0) return null;
    const rank = Math.floor(q * (this.#count - 1));
    if (rank === 0) return this.#min;
    if (rank === this.#count - 1) return this.#max;
    let below = 0;
    let at = -1;
    while (below <= rank) below += this.#counts[++at] as number;
    return Math.min(Math.max(representative(this.#low + at), this.#min), this.#max);
  }

  /** As plain data, which msgpack and structured clones keep. */
  encode(): EncodedSketch {
    const held: number[] = [];
    for (let i = 0; i < this.#counts.length; i++) if (this.#counts[i] !== 0) held.push(i);
    return {
      buckets: Int32Array.from(held, (i) => this.#low + i),
      counts: Float64Array.from(held, (i) => this.#counts[i] as number),
      min: this.min,
      max: this.max,
    };
  }

  /** What `encode` gave; RangeError for what it cannot have given. */
  static decode(encoded: EncodedSketch): QuantileSketch {
    const { buckets, counts, min, max } = encoded;
    if (buckets.length !== counts.length)
      throw new RangeError(`an encoded sketch has ${buckets.length} buckets but ${counts.length} counts`);
    if ((buckets.length === 0) !== (min === null) || (min === null) !== (max === null))
      throw new RangeError(`an encoded sketch of ${buckets.length} buckets cannot reach from ${min} to ${max}`);
    const sketch = new QuantileSketch();
    for (const [i, bucket] of buckets.entries()) {
      const count = counts[i] as number;
      if (!(Math.abs(bucket) <= PER_SIGN)) throw new RangeError(`bucket ${bucket} is outside ±${PER_SIGN}`);
      if (i > 0 && bucket <= (buckets[i - 1] as number)) throw new RangeError(`bucket ${bucket} is not in ascending order`);
      if (!(Number.isSafeInteger(count) && count > 0)) throw new RangeError(`bucket ${bucket} has a count of ${count}`);
      sketch.#put(bucket, count);
    }
    if (min !== null && max !== null) sketch.#widen(min, max);
    return sketch;
  }

  #widen(min: number, max: number): void {
    this.#min = Math.min(this.#min, min);
    this.#max = Math.max(this.#max, max);
  }

  #put(bucket: number, count: number): void {
    const high = this.#low + this.#counts.length;
    if (bucket < this.#low || bucket >= high) {
      const empty = this.#counts.length === 0;
      const low = Math.floor(Math.min(bucket, empty ? bucket : this.#low) / CHUNK) * CHUNK;
      const end = (Math.floor(Math.max(bucket, empty ? bucket : high - 1) / CHUNK) + 1) * CHUNK;
      const wider = new Float64Array(end - low);
      wider.set(this.#counts, empty ? 0 : this.#low - low);
      this.#counts = wider;
      this.#low = low;
    }
    this.#counts[bucket - this.#low] = (this.#counts[bucket - this.#low] as number) + count;
    this.#count += count;
  }
}
