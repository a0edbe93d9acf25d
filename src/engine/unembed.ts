/** Rows of the unembed as directions in the residual stream, read from the checkpoint's files. */
import type { TensorFiles } from "./checkpoint/rows.ts";
import type { ModelSpec } from "./model-spec.ts";
import type { VectorSpec } from "./protocol.ts";

/** Rows of the unembed that are read at a time. */
const CHUNK_ROWS = 4096;

/** Along what parts write to some tokens' logits: logit = (Σ parts) · direction / σ + bias. */
export interface LogitDirections {
  /** [m, d]: γ_f ⊙ W_U[token]; where the final norm takes the mean away, centred over d_model. */
  readonly directions: Float32Array;
  /** [m]: W_U[token] · β_f + b_U[token] */
  readonly bias: Float32Array;
}

export class Unembed {
  readonly #spec: ModelSpec;
  readonly #files: TensorFiles;
  #mean: Float64Array | null = null;

  constructor(spec: ModelSpec, files: TensorFiles) {
    this.#spec = spec;
    this.#files = files;
  }

  /** For direct logit attribution (the read-out, taken apart). Throws a RangeError for an id that is no row. */
  logitDirections(tokens: readonly number[]): LogitDirections {
    const { dModel: d, finalNorm, unembed } = this.#spec;
    const rows = this.#files.readRows(unembed.weight, tokens); // [m, d]
    const gamma = this.#files.readTensor(finalNorm.weight);
    const beta = finalNorm.bias && this.#files.readTensor(finalNorm.bias);
    const offsets = unembed.bias && this.#files.readTensor(unembed.bias);
    const directions = new Float32Array(rows.length);
    const bias = new Float32Array(tokens.length);
    for (const [index, token] of tokens.entries()) {
      let sum = 0;
      let constant = offsets ? (offsets[token] as number) : 0;
      for (let i = 0; i < d; i++) {
        const weight = rows[index * d + i] as number;
        sum += weight * (gamma[i] as number);
        if (beta) constant += weight * (beta[i] as number);
      }
      const mean = finalNorm.kind === "layer" ? sum / d : 0;
      for (let i = 0; i < d; i++) directions[index * d + i] = (rows[index * d + i] as number) * (gamma[i] as number) - mean;
      bias[index] = constant;
    }
    return { directions, bias };
  }

  /** What an edit adds, [d]: its own values, or unit vectors along γ_f ⊙ (W_U[token] − mean over the vocabulary). */
  vector(spec: VectorSpec): Float32Array {
    if (spec.kind === "values") return spec.values;
    const sum = new Float32Array(this.#spec.dModel);
    if (spec.toward !== null) this.#addUnit(sum, spec.toward, 1);
    if (spec.away !== null) this.#addUnit(sum, spec.away, -1);
    return sum;
  }

  #addUnit(into: Float32Array, token: number, times: number): void {
    const row = this.#files.readRows(this.#spec.unembed.weight, [token]);
    const gamma = this.#files.readTensor(this.#spec.finalNorm.weight);
    const mean = this.#meanRow();
    const along = Float64Array.from(row, (weight, i) => (gamma[i] as number) * (weight - (mean[i] as number)));
    const norm = Math.hypot(...along);
    for (let i = 0; i < into.length; i++) into[i] = (into[i] as number) + (times * (along[i] as number)) / norm;
  }

  /** The mean of all rows, in float64: one walk through the unembed, at the first need. */
  #meanRow(): Float64Array {
    if (this.#mean) return this.#mean;
    const { dModel: d, vocabSize, unembed } = this.#spec;
    const mean = new Float64Array(d);
    for (let first = 0; first < vocabSize; first += CHUNK_ROWS) {
      const count = Math.min(CHUNK_ROWS, vocabSize - first);
      const rows = this.#files.readRows(
        unembed.weight,
        Array.from({ length: count }, (_, i) => first + i),
      );
      for (let i = 0; i < rows.length; i++) mean[i % d] = (mean[i % d] as number) + (rows[i] as number) / vocabSize;
    }
    this.#mean = mean;
    return mean;
  }
}
