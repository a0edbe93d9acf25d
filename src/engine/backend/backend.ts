/**
 * What a device does for the wavefront: it holds residual streams, runs blocks on rows of them, and reads them out.
 * The wavefront only ever hands streams around; what they are is the backend's own affair.
 */
import type { LENS } from "../graph/readout/lens.ts";
import type { MODE } from "../graph/readout/readout.ts";
import type { BlockUse, Site } from "../schedule.ts";

/** A residual stream, or some positions of one, where its device keeps it. */
export interface Stream {
  /** Positions. */
  readonly count: number;
}

/** `times` a vector as wide as the site: of position p it begins at p · stride; stride 0: the same at every position. */
export interface Term {
  readonly values: Float32Array;
  readonly stride: number;
  readonly times: number;
}

/** An edit with its vectors at hand: out ← scale · out + Σ times · vector. */
export interface ResolvedEdit {
  readonly site: Site;
  readonly head?: number;
  readonly neurons?: readonly number[];
  readonly scale: number;
  readonly terms: readonly Term[];
  /** null: every position. */
  readonly positions: ReadonlySet<number> | null;
}

/** What a row asks of a call beside the stream. */
export interface RowWants {
  readonly norms: boolean;
  readonly components: boolean;
  readonly pattern: boolean;
  /** Attention weights at some places alone; null: none. */
  readonly cells: readonly { readonly query: number; readonly key: number }[] | null;
  readonly z: boolean;
  readonly neurons: boolean;
  /** The stream's own numbers. */
  readonly residual: boolean;
  /** Places in the sequence at which heads are told apart, and components met with directions; null: nowhere. All live. */
  readonly taps: readonly number[] | null;
  /** [m, d], with taps: what the components' outputs are multiplied with. */
  readonly directions: Float32Array | null;
}

/** A row that asks for nothing but its stream. */
export const NO_WANTS: RowWants = {
  norms: false,
  components: false,
  pattern: false,
  cells: null,
  z: false,
  neurons: false,
  residual: false,
  taps: null,
  directions: null,
};

/** One residual stream that waits for a block. */
export interface BlockRow {
  /** All T positions. */
  readonly x: Stream;
  /** T */
  readonly length: number;
  /** Positions that are computed after the attention, ascending; null: all T. */
  readonly live: readonly number[] | null;
  readonly use: BlockUse;
  /** Those of `use`, resolved. */
  readonly edits: readonly ResolvedEdit[];
  readonly wants: RowWants;
}

/**
 * What a row gets back; N = its live positions, K = its taps. Only what was asked for, after edits at its site. Arrays
 * are views of the call's buffers: do not write to them.
 */
export interface BlockRowResult {
  /** N positions; the caller's to release. */
  readonly residPost: Stream;
  /** [N, d] */
  readonly residual?: Float32Array;
  /** [N] each. */
  readonly norms?: { readonly attnOut: Float32Array; readonly mlpOut: Float32Array; readonly residPost: Float32Array };
  /** [N, d] each. */
  readonly components?: { readonly attnOut: Float32Array; readonly mlpOut: Float32Array };
  /** [head, T, T], zero above the diagonal. */
  readonly pattern?: Float32Array;
  /** [head, cell] */
  readonly cells?: Float32Array;
  /** [N, H · d_head] */
  readonly z?: Float32Array;
  /** [N, d_mlp] */
  readonly neurons?: Float32Array;
  /** With taps: norms of what each head wrote [K, H], and with directions the products [K, m], of heads [K, H, m]. */
  readonly heads?: Float32Array;
  readonly products?: { readonly attn: Float32Array; readonly mlp: Float32Array; readonly heads: Float32Array };
}

export type ReadoutMode = keyof typeof MODE;
export type ReadoutLens = keyof typeof LENS;

/** Rows a read-out takes at most: more, and the [rows, vocab] buffers leave the cache (measured: three times slower). */
export const READOUT_CHUNK = 64;

/** Consecutive positions of a stream. */
export interface StreamPiece {
  readonly stream: Stream;
  readonly from: number;
  readonly count: number;
}

export interface ReadoutChunk {
  /** n rows, of streams behind one another; or [n, d] vectors (lenses that take hidden ones). */
  readonly rows: readonly StreamPiece[] | Float32Array;
  readonly mode: ReadoutMode;
  readonly lens: ReadoutLens;
  /** [n] 1/σ of the final residual, lens frozenNorm only. */
  readonly inverseSigma: Float32Array | null;
  readonly topK: number;
  /** [n, m] token ids whose logits are followed; m may be 0. */
  readonly followed: Int32Array;
  readonly followedCount: number;
  /** Whether the followed are ranked. */
  readonly ranks: boolean;
  /** Rows whose expectation is wanted too. */
  readonly expect: readonly number[];
  /** Rows to compare with, one for each row; fewer stand for as many rows after them, again and again; null: nothing is compared. */
  readonly reference: Distributions | null;
  /** Rows of this chunk to compare with instead: one for each row, or one for all; null: none. */
  readonly referenceRows: readonly number[] | null;
  /** Whether the rows' distributions are handed out, to be a reference later. */
  readonly keep: boolean;
}

/** Whole distributions of r rows, relative to their most likely rows of the vocabulary. */
export interface Distributions {
  /** [r, width] z − peak, and e^(z − peak), 0 at the top (see graph/readout). */
  readonly relative: Float32Array;
  readonly weights: Float32Array;
  /** [r] */
  readonly tops: BigInt64Array;
}

/** Row-major arrays of n rows; k = top ids, m = followed ids. Entropy in nats here. */
export interface ReadoutChunkResult {
  readonly k: number;
  readonly hidden: Float32Array;
  readonly topIds: BigInt64Array;
  /** [n] The most likely row of the vocabulary, padding included. */
  readonly topRows: BigInt64Array;
  readonly topLogprobs: Float64Array;
  /** [n] */
  readonly entropyNats: Float64Array;
  /** [n] The largest logit, and Σ e^(z − peak) over all others. */
  readonly peak: Float32Array;
  readonly rest: Float64Array;
  readonly followedLogits: Float32Array;
  readonly followedLogprobs: Float64Array;
  readonly followedAbove: Float32Array;
  /** [e, d] W_Uᵀp and [e] b_U·p of the rows in `expect`. */
  readonly expectation: Float64Array;
  readonly expectedBias: Float64Array;
  /** [n, V] each, if they were to be kept. */
  readonly kept: Distributions | null;
  /** [n] Σ w_p (s_p − s) against the reference, w = e^s and s = z − peak; empty where there is none. */
  readonly difference: Float64Array;
  /** [n/2], mode divergence only. */
  readonly divergence: Float64Array;
}

/**
 * A model on a device. Every stream that a method returns is held until it is released as often as it was returned or
 * retained.
 */
export interface Backend {
  /** The stream of embedded tokens (`values` [T, d]). */
  upload(values: Float32Array): Stream;
  /** The stream at some of its positions, in the order given. */
  take(stream: Stream, positions: readonly number[]): Stream;
  /** The element-wise mean of streams of one length, summed in order. */
  mean(streams: readonly Stream[]): Stream | Promise<Stream>;
  /** The same stream for one more holder, kept apart from the buffers of the call that made it. */
  keep(stream: Stream): Stream;
  /** The same stream for one more holder. */
  retain(stream: Stream): Stream;
  release(stream: Stream): void;
  /**
   * Runs `block` for all rows in one call. Rows may differ in prompt, length, live positions and edits; a row's numbers
   * do not depend on its mates.
   */
  runBlock(block: number, rows: readonly BlockRow[]): Promise<BlockRowResult[]>;
  /** Reads out at most `READOUT_CHUNK` rows. */
  readOut(chunk: ReadoutChunk): Promise<ReadoutChunkResult>;
  close(): Promise<void>;
}
