/**
 * Means over tokens whose standard error knows that tokens of one text are not independent (Miller, arXiv 2411.00640).
 * Texts are added in their order, as moments, so that batching changes no bit; memory does not grow with their number.
 */

/** How many values, their mean, and m2 = Σ (x − mean)². */
export interface Moments {
  readonly count: number;
  readonly mean: number;
  readonly m2: number;
}

/** Moments of one text's values, in two passes; the second also corrects the mean. Empty: 0, 0, 0. NaN where a value is. */
export function momentsOf(values: ArrayLike<number>): Moments {
  const count = values.length;
  if (count === 0) return { count: 0, mean: 0, m2: 0 };
  let sum = 0;
  for (let i = 0; i < count; i++) sum += values[i] as number;
  const near = sum / count;
  let rest = 0;
  let squares = 0;
  for (let i = 0; i < count; i++) {
    const deviation = (values[i] as number) - near;
    rest += deviation;
    squares += deviation * deviation;
  }
  return { count, mean: near + rest / count, m2: Math.max(0, squares - (rest * rest) / count) };
}

/** Moments of two parts of one text's values together (Chan, Golub and LeVeque 1983). */
export function together(a: Moments, b: Moments): Moments {
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  const count = a.count + b.count;
  const apart = b.mean - a.mean;
  return { count, mean: a.mean + (apart * b.count) / count, m2: a.m2 + b.m2 + (apart * apart * a.count * b.count) / count };
}

export interface MeanStatistics {
  /** NaN without observations; not finite where an observation was not. */
  readonly mean: number;
  /** Population standard deviation, likewise. */
  readonly std: number;
  /** sqrt(G/(G−1) Σ_g (Σ_i (x_gi − mean))²)/n over G texts; null below two texts. */
  readonly sem: number | null;
  /** Observations, n. */
  readonly count: number;
  /** Texts with at least one observation, G. */
  readonly clusters: number;
}

/** The mean of all observations, from each text's moments. */
export class ClusteredMean {
  /** All means are kept less this, the first text's: a large offset costs no digits. */
  #shift = 0;
  #count = 0;
  #clusters = 0;
  #mean = 0;
  #m2 = 0;
  /** Of all observations: whole numbers stay whole, so that a share of n is k/n and nothing beside it. */
  readonly #sum = new ExactSum();
  readonly #sums = new SquaredResiduals();

  /** One text's moments, in the texts' order; a count of 0 is skipped. */
  add(count: number, mean: number, m2: number): void {
    if (count === 0) return;
    this.#sum.add(count * mean);
    if (this.#clusters === 0) this.#shift = mean;
    const shifted = mean - this.#shift;
    const total = this.#count + count;
    const apart = shifted - this.#mean;
    // Chan, Golub and LeVeque: the moments of two parts together.
    this.#m2 += m2 + (apart * apart * this.#count * count) / total;
    this.#mean += (apart * count) / total;
    this.#count = total;
    this.#clusters++;
    // Σ_i (x_gi − mean) = count · shifted − mean' · count, the mean' of all being known only at the end.
    this.#sums.add(count * shifted, count);
  }

  /** Of all that was added so far; more may be added after. */
  finish(): MeanStatistics {
    const count = this.#count;
    const clusters = this.#clusters;
    if (count === 0) return { mean: Number.NaN, std: Number.NaN, sem: null, count, clusters };
    const sem = clusters < 2 ? null : Math.sqrt((clusters / (clusters - 1)) * this.#sums.about(this.#mean)) / count;
    const std = Math.sqrt(this.#m2 / count);
    return { mean: meanOf(this.#sum.value / count, std, count), std, sem, count, clusters };
  }
}

/** What rounding leaves, at most, of a sum of whole numbers that were added up as means: of its size and the values' spread. */
const ROUNDING = 1e-12;

/**
 * A mean of whole numbers, as shares of true and false are, is k/n to the last bit, though texts of many observations give
 * means, whose products with their counts are rounded. Others move by 1e-12 of their size and spread at most, far below what a
 * float32 observation is good for.
 */
function meanOf(mean: number, std: number, count: number): number {
  const whole = Math.round(mean * count);
  return Math.abs(mean - whole / count) <= ROUNDING * (Math.abs(mean) + std) ? whole / count + 0 : mean;
}

export interface RatioStatistics {
  /** Σ_g A_g / Σ_g B_g; NaN where the denominators sum to 0, or without observations. */
  readonly ratio: number;
  /** By linearisation: sqrt(G/(G−1) Σ_g (A_g − ratio · B_g)²)/|Σ_g B_g|; null below two texts or where the ratio is NaN. */
  readonly sem: number | null;
  readonly count: number;
  readonly clusters: number;
}

/** The ratio of two sums (so of two means over the same observations), from each text's sums. */
export class ClusteredRatio {
  #numerator = 0;
  #denominator = 0;
  #count = 0;
  #clusters = 0;
  readonly #sums = new SquaredResiduals();

  /** One text's sums over its `count` observations, in the texts' order; a count of 0 is skipped. */
  add(numeratorSum: number, denominatorSum: number, count: number): void {
    if (count === 0) return;
    this.#numerator += numeratorSum;
    this.#denominator += denominatorSum;
    this.#count += count;
    this.#clusters++;
    this.#sums.add(numeratorSum, denominatorSum);
  }

  /** Of all that was added so far; more may be added after. */
  finish(): RatioStatistics {
    const clusters = this.#clusters;
    const ratio = this.#denominator === 0 ? Number.NaN : this.#numerator / this.#denominator;
    const known = clusters >= 2 && !Number.isNaN(ratio);
    const spread = Math.sqrt((clusters / (clusters - 1)) * this.#sums.about(ratio));
    return { ratio, sem: known ? spread / Math.abs(this.#denominator) : null, count: this.#count, clusters };
  }
}

/** A sum that carries what each addition rounds off (Neumaier 1974); its error does not grow with the number of terms. */
class ExactSum {
  #sum = 0;
  #rest = 0;

  add(value: number): void {
    const next = this.#sum + value;
    const isLarger = Math.abs(this.#sum) >= Math.abs(value);
    this.#rest += isLarger ? this.#sum - next + value : value - next + this.#sum;
    this.#sum = next;
  }

  get value(): number {
    return this.#sum + this.#rest;
  }
}

/**
 * Σ (a − r b)² for an r known only at the end, without the cancellation of Σa² − 2r Σab + r² Σb²: the sum at its
 * least, r = Σab/Σb², kept by recursive least squares (Plackett 1950), and (r − that)² Σb² beyond it. Nothing is subtracted.
 */
class SquaredResiduals {
  #slope = 0;
  #least = 0;
  #weight = 0;

  add(a: number, b: number): void {
    const residual = a - this.#slope * b;
    const weight = this.#weight + b * b;
    if (weight === 0) {
      this.#least += a * a;
      return;
    }
    this.#least += residual * residual * (this.#weight / weight);
    this.#slope += (residual * b) / weight;
    this.#weight = weight;
  }

  about(ratio: number): number {
    const apart = ratio - this.#slope;
    return this.#least + apart * apart * this.#weight;
  }
}
