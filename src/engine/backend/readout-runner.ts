/** One call of the read-out graph for a chunk of rows: the part that is the same on every device. */
import { type InferenceSession, Tensor } from "onnxruntime-node";
import { LENS } from "../graph/readout/lens.ts";
import { MODE, type ReadoutOutput } from "../graph/readout/readout.ts";
import { blockedWidth } from "../graph/readout/sums.ts";
import type { ModelSpec } from "../model-spec.ts";
import type { Distributions, ReadoutChunk, ReadoutChunkResult, ReadoutLens, ReadoutMode } from "./backend.ts";
import { resultOf } from "./readout-result.ts";

const scalar = (value: number) => new Tensor("int64", BigInt64Array.of(BigInt(value)), []);
const OUTPUTS_OF: Record<ReadoutMode, readonly ReadoutOutput[]> = {
  readout: ["hidden", "top_ids", "top_logits", "top_row", "peak", "rest", "energy"],
  divergence: ["divergence"],
};

const NO_REFERENCE: Distributions = { relative: new Float32Array(0), weights: new Float32Array(0), tops: new BigInt64Array(0) };

export class ReadoutRunner {
  readonly #session: InferenceSession;
  readonly #spec: ModelSpec;
  readonly #lens: Record<ReadoutLens, Tensor>;
  readonly #mode: Record<ReadoutMode, Tensor>;
  readonly #ranks: readonly Tensor[] = [scalar(0), scalar(1)];

  constructor(session: InferenceSession, spec: ModelSpec) {
    this.#session = session;
    this.#spec = spec;
    this.#lens = {
      standard: scalar(LENS.standard),
      frozenNorm: scalar(LENS.frozenNorm),
      hidden: scalar(LENS.hidden),
      hiddenFrozenNorm: scalar(LENS.hiddenFrozenNorm),
    };
    this.#mode = {
      readout: scalar(MODE.readout),
      divergence: scalar(MODE.divergence),
    };
  }

  /**
   * Reads out a chunk of at most `READOUT_CHUNK` rows. `x`: their vectors, [n, d]; a lone row is doubled there, so that it
   * meets the same kernel.
   */
  async run(chunk: ReadoutChunk, x: Tensor): Promise<ReadoutChunkResult> {
    const rows = rowsOf(chunk, this.#spec.dModel);
    const n = Math.max(rows, 2);
    const k = Math.min(chunk.topK, this.#spec.tokenCount);
    const m = chunk.followedCount;
    const doubled = <A extends Float32Array | Int32Array>(values: A): A => (n === rows ? values : twice(values));
    const feeds = {
      x,
      inverse_sigma: new Tensor("float32", chunk.inverseSigma ? doubled(chunk.inverseSigma) : Float32Array.of(1), [
        chunk.inverseSigma ? n : 1,
        1,
      ]),
      followed: new Tensor("int64", BigInt64Array.from(doubled(chunk.followed), BigInt), [n, m]),
      expect: rowIndices(chunk.expect),
      ...this.#reference(chunk, n),
      k: new Tensor("int64", BigInt64Array.of(BigInt(k)), [1]),
      lens: this.#lens[chunk.lens],
      mode: this.#mode[chunk.mode],
      ranks: this.#ranks[Number(chunk.ranks)] as Tensor,
    };
    const names = [...OUTPUTS_OF[chunk.mode]];
    if (m > 0) names.push("followed_logits");
    if (m > 0 && chunk.ranks) names.push("followed_above");
    if (chunk.expect.length > 0) names.push("expectation", "expected_bias");
    if (chunk.keep) names.push("relative", "weights");
    if (chunk.reference || chunk.referenceRows) names.push("difference", "met");
    return { k, ...resultOf(await this.#session.run(feeds, names), chunk, rows, this.#spec) };
  }

  /** The reference's tensors; it stands for as many rows as there are, again and again. */
  #reference({ reference, referenceRows }: ReadoutChunk, rows: number): Record<string, Tensor> {
    const { width } = blockedWidth(this.#spec.vocabSize);
    const given = reference ?? NO_REFERENCE;
    const count = given.tops.length;
    if (count > 0 && rows % count !== 0) throw new RangeError(`${count} reference rows for ${rows} rows; a divisor is expected`);
    const tops = BigInt64Array.from({ length: count > 0 ? rows : 0 }, (_, row) => given.tops[row % count] as bigint);
    return {
      reference_relative: new Tensor("float32", given.relative, [count, width]),
      reference_weights: new Tensor("float32", given.weights, [count, width]),
      reference_tops: new Tensor("int64", tops, [tops.length]),
      reference_rows: new Tensor("int64", BigInt64Array.from(referenceRows ?? [], BigInt), [referenceRows?.length ?? 0]),
    };
  }
}

/** A lone row is named twice: the product of one row takes another kernel. */
function rowIndices(rows: readonly number[]): Tensor {
  const named = rows.length === 1 ? [...rows, ...rows] : rows;
  return new Tensor("int64", BigInt64Array.from(named, BigInt), [named.length]);
}

/** How many rows a chunk has, not counting a lone one's double. */
export function rowsOf({ rows }: ReadoutChunk, d: number): number {
  return rows instanceof Float32Array ? rows.length / d : rows.reduce((sum, { count }) => sum + count, 0);
}

/** The values, and the same behind them. */
function twice<A extends Float32Array | Int32Array>(values: A): A {
  const both = new (values.constructor as new (length: number) => A)(values.length * 2);
  both.set(values);
  both.set(values, values.length);
  return both;
}

/** Vectors [n, d] as the read-out takes them; a lone one is doubled. */
export function vectorsOf(values: Float32Array, d: number): Tensor {
  return values.length === d
    ? new Tensor("float32", twice(values), [2, d])
    : new Tensor("float32", values, [values.length / d, d]);
}
