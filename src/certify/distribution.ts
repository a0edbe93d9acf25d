/** Whole distributions over the vocabulary, padding included, as a run tells them: what is listed, and what is followed. */
import type { ModelSpec } from "../engine/model-spec.ts";
import type { ReadoutRows, ReadoutSpec } from "../engine/protocol.ts";

type Sizes = Pick<ModelSpec, "vocabSize" | "tokenCount">;

/** Rows of padding have no tokens, so they are not listed: they are followed by their ids. */
export function wholeReadout({ vocabSize, tokenCount }: Sizes): Pick<ReadoutSpec, "topK" | "targets"> {
  return { topK: tokenCount, targets: Array.from({ length: vocabSize - tokenCount }, (_, i) => tokenCount + i) };
}

/** Natural-log probabilities of a read-out made with `wholeReadout`, in the order of ids. [P · V] */
export function wholeLogprobs(rows: ReadoutRows, { vocabSize, tokenCount }: Sizes): Float32Array {
  const count = rows.entropyBits.length;
  const values = new Float32Array(count * vocabSize).fill(Number.NaN);
  const followed = rows.followedIds.length / count;
  for (let p = 0; p < count; p++) {
    for (let i = p * tokenCount; i < (p + 1) * tokenCount; i++)
      values[p * vocabSize + (rows.topIds[i] as number)] = rows.topLogprobs[i] as number;
    for (let i = 1; i <= vocabSize - tokenCount; i++)
      values[p * vocabSize + tokenCount + i - 1] = rows.followedLogprobs[p * followed + i] as number;
  }
  return values;
}

/** Logits of a read-out made with `wholeReadout`, whose last target is a token of its own. [P · V] */
export function wholeLogits(rows: ReadoutRows, sizes: Sizes): Float32Array {
  const count = rows.entropyBits.length;
  const values = wholeLogprobs(rows, sizes);
  const followed = rows.followedIds.length / count;
  for (let p = 0; p < count; p++) {
    const last = (p + 1) * followed - 1;
    const logSumExp = (rows.followedLogits[last] as number) - (rows.followedLogprobs[last] as number);
    for (let i = p * sizes.vocabSize; i < (p + 1) * sizes.vocabSize; i++) values[i] = (values[i] as number) + logSumExp;
  }
  return values;
}

/** Rows of `width` values. */
export function rowsOf(values: Float32Array, width: number): Float32Array[] {
  return Array.from({ length: values.length / width }, (_, row) => values.subarray(row * width, (row + 1) * width));
}

/** Σ f(value), in float64. */
export function sumOf(values: Float32Array, f: (value: number) => number): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += f(values[i] as number);
  return sum;
}

/** −Σ p log₂ p, from natural-log probabilities; in float64. */
export function entropyBits(p: Float32Array): number {
  return -sumOf(p, (lnP) => Math.exp(lnP) * lnP) / Math.LN2;
}

/** KL(p‖q) = Σ p (ln p − ln q) in nats, from natural-log probabilities; in float64. */
export function klNats(p: Float32Array, q: Float32Array): number {
  return p.reduce((sum, lnP, v) => sum + Math.exp(lnP) * (lnP - (q[v] as number)), 0);
}
