/** A read-out that is asked for, and what came of it. */
import type { Distributions, ReadoutChunkResult, ReadoutLens, Stream } from "../backend/backend.ts";
import type { ReadoutRows } from "../protocol.ts";
import type { Run } from "./run.ts";

/** `difference` and `divergence`: of pairs, by what float32 tells of both, or in double. */
export type ReadingMode = "readout" | "difference" | "divergence";

/** Rows of one residual stream (or pairs of hidden vectors) that wait for the unembed. */
export interface Reading {
  readonly run: Run;
  readonly mode: ReadingMode;
  /** Whether the followed are ranked. */
  readonly ranks: boolean;
  /** Whether the rows' expectations are wanted (see metrics/divergence). */
  readonly expects: boolean;
  /** Whether the rows' whole distributions are kept, for other readings to be compared with. */
  readonly keeps: boolean;
  /** The baseline's reading of the same positions, whose distributions these rows are compared with. */
  readonly reference: ReadingResult | null;
  /** Readings that go into one chunk, this one among them: the others are compared with the first. */
  readonly joint: readonly Reading[] | null;
  readonly lens: ReadoutLens;
  /** P positions, held for the reading; or pairs of hidden vectors, [P, d] each. */
  readonly rows: Stream | HiddenPairs;
  readonly inverseSigma: Float32Array | null;
  readonly result: ReadingResult;
  /** Rows already read out. */
  done: number;
  /** When it may no longer be kept waiting for company, on performance.now()'s clock. */
  readonly due: number;
  complete(): void;
}

/** Vectors as they meet the unembed. */
export interface HiddenPairs {
  /** [u, d], and for each pair its row there. */
  readonly p: Float32Array;
  readonly of: Int32Array;
  /** [pairs, d] */
  readonly q: Float32Array;
}

/** Whether a reading is of pairs, for the divergence alone. */
export function isOfPairs({ mode }: Pick<Reading, "mode">): boolean {
  return mode !== "readout";
}

/** [count, V] each. */
export interface KeptPart extends Distributions {
  readonly from: number;
}

/** Row-major, P rows. */
export interface ReadingResult {
  readonly rows: ReadoutRows;
  readonly k: number;
  readonly hidden: Float32Array;
  readonly entropyNats: Float64Array;
  /** [P] The largest logit, and Σ e^(z − peak) over all others. */
  readonly peak: Float32Array;
  readonly rest: Float64Array;
  /** [P, d] and [P]; empty unless the reading expects them. */
  readonly expectation: Float64Array;
  readonly expectedBias: Float64Array;
  /** Of a reading that keeps them: the distributions of its parts, as they were read out, until nobody needs them. */
  kept: readonly KeptPart[];
  /** [P] Σ w_p (s_p − s) against the reference (see metrics/divergence); NaN where there is none. */
  readonly difference: Float64Array;
  /** [pairs]; of `difference`, NaN where it is still in doubt. */
  readonly divergence: Float64Array;
}

/** Room for P rows; `k` and `followed` [P, m] fix the widths. */
export function emptyResult(count: number, d: number, k: number, followed: Int32Array, expects = false): ReadingResult {
  const floats = (size: number) => new Float32Array(size);
  return {
    rows: {
      topIds: new Int32Array(count * k),
      topLogprobs: floats(count * k),
      topRows: new Int32Array(count),
      entropyBits: floats(count),
      followedIds: followed,
      followedLogits: floats(followed.length).fill(Number.NaN),
      followedLogprobs: floats(followed.length).fill(Number.NaN),
      followedRanks: new Int32Array(followed.length),
    },
    k,
    hidden: floats(count * d),
    entropyNats: new Float64Array(count),
    peak: floats(count),
    rest: new Float64Array(count),
    expectation: new Float64Array(expects ? count * d : 0),
    expectedBias: new Float64Array(expects ? count : 0),
    kept: [],
    difference: new Float64Array(count).fill(Number.NaN),
    divergence: new Float64Array(0),
  };
}

/** Room for the divergences of `count` pairs. */
export function emptyDivergences(count: number): ReadingResult {
  return { ...emptyResult(0, 0, 0, new Int32Array(0)), divergence: new Float64Array(count) };
}

/**
 * Copies rows `from` … `from + count` of a chunk into the reading, at its row `reading.done`. `expected`: where the
 * chunk's expectations of these rows begin.
 */
export function accept(
  reading: Reading,
  chunk: ReadoutChunkResult,
  from: number,
  count: number,
  followedCount: number,
  expected: number,
): void {
  const { result, done } = reading;
  const { rows, k } = result;
  const P = result.entropyNats.length;
  const d = result.hidden.length / P;
  const m = rows.followedIds.length / P;
  const place = (target: Float32Array, source: Float32Array, width: number) =>
    target.set(source.subarray(from * width, (from + count) * width), done * width);
  place(result.hidden, chunk.hidden, d);
  result.peak.set(chunk.peak.subarray(from, from + count), done);
  result.rest.set(chunk.rest.subarray(from, from + count), done);
  if (reading.reference || (reading.joint && reading.joint[0] !== reading))
    result.difference.set(chunk.difference.subarray(from, from + count), done);
  // What keeps is alone in its chunk: its distributions are the chunk's.
  if (reading.keeps && chunk.kept) result.kept = [...result.kept, { from: done, ...chunk.kept }];
  if (reading.expects) {
    result.expectation.set(chunk.expectation.subarray(expected * d, (expected + count) * d), done * d);
    result.expectedBias.set(chunk.expectedBias.subarray(expected, expected + count), done);
  }
  for (let i = 0; i < count; i++) {
    const nats = chunk.entropyNats[from + i] as number;
    result.entropyNats[done + i] = nats;
    rows.entropyBits[done + i] = nats / Math.LN2;
    rows.topRows[done + i] = Number(chunk.topRows[from + i]);
    for (let j = 0; j < k; j++) {
      rows.topIds[(done + i) * k + j] = Number(chunk.topIds[(from + i) * chunk.k + j]);
      rows.topLogprobs[(done + i) * k + j] = chunk.topLogprobs[(from + i) * chunk.k + j] as number;
    }
    for (let j = 0; j < Math.min(m, followedCount); j++) {
      const at = (done + i) * m + j;
      if ((rows.followedIds[at] as number) < 0) continue;
      const source = (from + i) * followedCount + j;
      rows.followedLogits[at] = chunk.followedLogits[source] as number;
      rows.followedLogprobs[at] = chunk.followedLogprobs[source] as number;
      if (reading.ranks) rows.followedRanks[at] = (chunk.followedAbove[source] as number) + 1;
    }
  }
  reading.done += count;
}
