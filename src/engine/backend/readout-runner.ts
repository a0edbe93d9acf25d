/** One call of the read-out graph for a chunk of rows: the part that is the same on every device. */
import { type InferenceSession, Tensor } from "onnxruntime-node";
import { LENS, MODE } from "../graph/readout.ts";
import type { ModelSpec } from "../model-spec.ts";
import type { ReadoutChunk, ReadoutChunkResult, ReadoutLens, ReadoutMode } from "./backend.ts";

const scalar = (value: number) => new Tensor("int64", BigInt64Array.of(BigInt(value)), []);
const OUTPUTS_OF = {
  readout: ["hidden", "top_ids", "top_logprobs", "entropy", "peak", "peak_probability"],
  divergence: ["divergence"],
} as const;

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
      ...this.#reference(chunk, rows),
      k: new Tensor("int64", BigInt64Array.of(BigInt(k)), [1]),
      lens: this.#lens[chunk.lens],
      mode: this.#mode[chunk.mode],
      ranks: this.#ranks[Number(chunk.ranks)] as Tensor,
    };
    const isPadded = this.#spec.tokenCount < this.#spec.vocabSize;
    const names: string[] = [...OUTPUTS_OF[chunk.mode === "divergence" ? "divergence" : "readout"]];
    if (isPadded && chunk.mode === "readout") names.push("top_row");
    if (m > 0) names.push("followed_logits", "followed_logprobs");
    if (m > 0 && chunk.ranks) names.push("followed_above");
    if (chunk.expect.length > 0) names.push("expectation", "expected_bias");
    if (chunk.keep) names.push("logits", "probabilities");
    if (chunk.reference || chunk.referenceRows) names.push("difference");
    const out = await this.#session.run(feeds, names);
    const data = (name: string) => (out[name]?.data as Float32Array | undefined) ?? new Float32Array(0);
    const whole = (name: string) => data(name).subarray(0, rows * this.#spec.vocabSize);
    return {
      k,
      hidden: data("hidden"),
      topIds: (out.top_ids?.data as BigInt64Array | undefined) ?? new BigInt64Array(0),
      topRows: (out.top_row?.data as BigInt64Array | undefined) ?? new BigInt64Array(0),
      topLogprobs: data("top_logprobs"),
      entropyNats: data("entropy"),
      logSumExp: Float64Array.from(data("peak"), (peak, row) => peak - Math.log(data("peak_probability")[row] as number)),
      followedLogits: data("followed_logits"),
      followedLogprobs: data("followed_logprobs"),
      followedAbove: data("followed_above"),
      expectation: data("expectation"),
      expectedBias: data("expected_bias"),
      kept: chunk.keep ? { logits: whole("logits"), probabilities: whole("probabilities") } : null,
      difference: data("difference"),
      divergence: (out.divergence?.data as Float64Array | undefined) ?? new Float64Array(0),
    };
  }

  /** The reference's tensors; it stands for as many rows as there are, again and again. */
  #reference({ reference, referenceRows }: ReadoutChunk, rows: number): Record<string, Tensor> {
    const V = this.#spec.vocabSize;
    const given = reference ?? { logits: new Float32Array(0), probabilities: new Float32Array(0) };
    const count = given.logits.length / V;
    if (count > 0 && rows % count !== 0) throw new RangeError(`${count} reference rows for ${rows} rows; a divisor is expected`);
    return {
      reference_logits: new Tensor("float32", given.logits, [count, V]),
      reference_probabilities: new Tensor("float32", given.probabilities, [count, V]),
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
