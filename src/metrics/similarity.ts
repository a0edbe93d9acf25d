/** How alike representations are: cosines, angles, and linear CKA between layers. All in float64, in a fixed order. */

/** cos(a_i, b_i) for the rows of two [n, width]; NaN where a row is zero. [n] */
export function cosineOfRows(a: ArrayLike<number>, b: ArrayLike<number>, width: number): Float64Array {
  const cosines = new Float64Array(a.length / width);
  for (let row = 0; row < cosines.length; row++) {
    let both = 0;
    let squareA = 0;
    let squareB = 0;
    for (let i = row * width; i < (row + 1) * width; i++) {
      const x = a[i] as number;
      const y = b[i] as number;
      both += x * y;
      squareA += x * x;
      squareB += y * y;
    }
    cosines[row] = both / (Math.sqrt(squareA) * Math.sqrt(squareB));
  }
  return cosines;
}

/** arccos(cos)/π, from 0 (one direction) to 1 (opposite); a cosine rounded beyond ±1 is clipped (Gromov et al., arXiv 2403.17887). */
export function angularDistance(cosine: number): number {
  return Math.acos(Math.min(Math.max(cosine, -1), 1)) / Math.PI;
}

/** The unbiased estimator divides by n − 3. */
const FEWEST_TEXTS = 4;
/** A centred Gram matrix whose squares sum to less than this share of those before is rounding, not variation. */
const ROUNDING = 1e-26;

/**
 * The unbiased HSIC (Song et al. 2012, JMLR 13) of every pair of layers' linear kernels K = X Xᵀ over one batch of texts:
 * [tr KL + (1ᵀK1·1ᵀL1)/((n−1)(n−2)) − 2·1ᵀKL1/(n−2)]/(n(n−3)), zero diagonals. Computed as Σ K̃ ∘ L̃/(n(n−3)) of U-centred
 * matrices (Székely and Rizzo 2014), which is the same number without its cancellation: so HSIC(K, K) is never negative.
 * `batch`: [n, d] of each layer. Row-major [layers, layers], symmetric; all 0 for fewer than 4 texts; a layer that does
 * not vary has 0 with every other.
 */
export function hsicTerms(batch: readonly Float32Array[], n: number, d: number): Float64Array {
  const layers = batch.length;
  const terms = new Float64Array(layers * layers);
  for (const [layer, values] of batch.entries())
    if (values.length !== n * d)
      throw new RangeError(`layer ${layer} has ${values.length} numbers; ${n} texts of width ${d} have ${n * d}`);
  if (n < FEWEST_TEXTS) return terms;
  const grams = batch.map((values) => centredGram(values, n, d));
  for (const [a, K] of grams.entries())
    for (const [b, L] of grams.entries()) {
      if (b < a) continue;
      let sum = 0;
      for (let i = 0; i < K.length; i++) sum += (K[i] as number) * (L[i] as number);
      terms[a * layers + b] = terms[b * layers + a] = sum / (n * (n - 3));
    }
  return terms;
}

/** Linear CKA between layers from HSIC terms summed over batches (Nguyen, Raghu and Kornblith, arXiv 2010.15327). */
export class HsicSums {
  #layers = 0;
  #sums = new Float64Array(0);

  /** A batch, by convention of up to 128 texts: [n, d] of each layer. One of fewer than 4 texts contributes nothing. */
  add(batch: readonly Float32Array[], n: number, d: number): void {
    this.addTerms(hsicTerms(batch, n, d), batch.length);
  }

  /** A batch by its `hsicTerms`, row-major [layers, layers]. Batches are summed in the order they come. */
  addTerms(terms: Float64Array, layers: number): void {
    if (this.#layers === 0) {
      this.#layers = layers;
      this.#sums = new Float64Array(layers * layers);
    }
    if (layers !== this.#layers || terms.length !== this.#sums.length)
      throw new RangeError(`a batch of ${layers} layers (${terms.length} terms) after batches of ${this.#layers}`);
    for (let i = 0; i < terms.length; i++) this.#sums[i] = (this.#sums[i] as number) + (terms[i] as number);
  }

  /** CKA [layer][layer]; null where a layer does not vary, where numbers are not finite, or without a batch of 4 texts. */
  finish(): (number | null)[][] {
    const at = (a: number, b: number) => this.#sums[a * this.#layers + b] as number;
    const index = Array.from({ length: this.#layers }, (_, layer) => layer);
    return index.map((a) =>
      index.map((b) => {
        const cka = at(a, b) / Math.sqrt(at(a, a) * at(b, b));
        return Number.isFinite(cka) ? cka : null;
      }),
    );
  }
}

/** The U-centred Gram matrix of X [n, d]: off the diagonal K_ij − r_i/(n−2) − r_j/(n−2) + S/((n−1)(n−2)), r its row sums; 0 on it. [n, n] */
function centredGram(values: Float32Array, n: number, d: number): Float64Array {
  const gram = gramOf(centredRows(values, n, d), n, d);
  const rowSums = new Float64Array(n);
  let total = 0;
  let before = 0;
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let j = 0; j < n; j++) {
      const value = gram[i * n + j] as number;
      before += value * value;
      if (j !== i) sum += value;
    }
    rowSums[i] = sum;
    total += sum;
  }
  let after = 0;
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const rows = ((rowSums[i] as number) + (rowSums[j] as number)) / (n - 2);
      const value = i === j ? 0 : (gram[i * n + j] as number) - rows + total / ((n - 1) * (n - 2));
      gram[i * n + j] = value;
      after += value * value;
    }
  return after <= ROUNDING * before ? gram.fill(0) : gram;
}

/** X less its mean row, which U-centring would take out anyhow; rows of zeros up to a multiple of 4. [4⌈n/4⌉, d] */
function centredRows(values: Float32Array, n: number, d: number): Float64Array {
  const rows = new Float64Array(Math.ceil(n / 4) * 4 * d);
  for (let k = 0; k < d; k++) {
    // Less the first row before the mean: equal rows are zero without rounding.
    const first = values[k] as number;
    let mean = 0;
    for (let i = 0; i < n; i++) mean += (values[i * d + k] as number) - first;
    mean /= n;
    for (let i = 0; i < n; i++) rows[i * d + k] = (values[i * d + k] as number) - first - mean;
  }
  return rows;
}

/** X Xᵀ of X [4⌈n/4⌉, d], two rows by four at a time; every entry is summed from k = 0 up. [n, n] */
function gramOf(rows: Float64Array, n: number, d: number): Float64Array {
  const gram = new Float64Array(n * n);
  const put = (i: number, j: number, value: number) => {
    if (i < n && j < n) gram[i * n + j] = gram[j * n + i] = value;
  };
  for (let i = 0; i < n; i += 2)
    for (let j = i - (i % 4); j < n; j += 4) {
      let [a0, a1, a2, a3, b0, b1, b2, b3] = [0, 0, 0, 0, 0, 0, 0, 0];
      for (let k = 0; k < d; k++) {
        const a = rows[i * d + k] as number;
        const b = rows[(i + 1) * d + k] as number;
        const x0 = rows[j * d + k] as number;
        const x1 = rows[(j + 1) * d + k] as number;
        const x2 = rows[(j + 2) * d + k] as number;
        const x3 = rows[(j + 3) * d + k] as number;
        a0 += a * x0;
        a1 += a * x1;
        a2 += a * x2;
        a3 += a * x3;
        b0 += b * x0;
        b1 += b * x1;
        b2 += b * x2;
        b3 += b * x3;
      }
      for (const [offset, value] of [a0, a1, a2, a3].entries()) put(i, j + offset, value);
      for (const [offset, value] of [b0, b1, b2, b3].entries()) put(i + 1, j + offset, value);
    }
  return gram;
}
