/**
 * The difference of two means over the same texts, with a standard error clustered by text: texts have values of both
 * sorts, so the two means are not independent (Miller, arXiv 2411.00640). Texts are added in their order, as moments.
 */

export interface DifferenceStatistics {
  /** mean(A) − mean(B); NaN where either has no observations. */
  readonly difference: number;
  /** By linearisation: sqrt(G/(G−1) Σ_g (Σ_i (a_gi − mean A)/n_A − Σ_j (b_gj − mean B)/n_B)²) over G texts; null below two. */
  readonly sem: number | null;
  /** Observations of both sorts. */
  readonly count: number;
  /** Texts with at least one observation of either sort, G. */
  readonly clusters: number;
}

/** Of one text and sort; the mean is not looked at where the count is 0. */
export interface CountedMean {
  readonly count: number;
  readonly mean: number;
}

/** Sums of one sort, less a shift that keeps them small. */
class Sort {
  shift: number | null = null;
  count = 0;
  sum = 0;

  /** The text's sum and count. */
  add({ count, mean }: CountedMean): readonly [number, number] {
    if (count === 0) return [0, 0];
    this.shift ??= mean;
    const sum = count * (mean - this.shift);
    this.count += count;
    this.sum += sum;
    return [sum, count];
  }

  /** Of the shifted values. */
  get mean(): number {
    return this.sum / this.count;
  }
}

export class ClusteredDifference {
  readonly #a = new Sort();
  readonly #b = new Sort();
  /** Σ_g v vᵀ with v = (sum A, count A, sum B, count B) of the text. [4, 4] */
  readonly #gram = new Float64Array(16);
  #clusters = 0;

  /** One text's two sorts, in the texts' order; one with neither is skipped. */
  add(a: CountedMean, b: CountedMean): void {
    if (a.count === 0 && b.count === 0) return;
    const text = [...this.#a.add(a), ...this.#b.add(b)];
    for (const [i, x] of text.entries())
      for (const [j, y] of text.entries()) this.#gram[4 * i + j] = (this.#gram[4 * i + j] as number) + x * y;
    this.#clusters++;
  }

  /** Of all that was added so far; more may be added after. */
  finish(): DifferenceStatistics {
    const [a, b, clusters] = [this.#a, this.#b, this.#clusters];
    const count = a.count + b.count;
    if (a.count === 0 || b.count === 0) return { difference: Number.NaN, sem: null, count, clusters };
    const difference = a.mean + (a.shift as number) - (b.mean + (b.shift as number));
    // What a text's sums count for, once the means are known.
    const weights = [1 / a.count, -a.mean / a.count, -1 / b.count, b.mean / b.count];
    let square = 0;
    for (const [i, x] of weights.entries())
      for (const [j, y] of weights.entries()) square += x * y * (this.#gram[4 * i + j] as number);
    const sem = clusters < 2 ? null : Math.sqrt((clusters / (clusters - 1)) * Math.max(0, square));
    return { difference, sem, count, clusters };
  }
}
