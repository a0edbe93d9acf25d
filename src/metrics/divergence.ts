/** Kullback–Leibler divergence without a second unembed: KL(p‖q) = −H(p) − e·h_q − c + lse_q. */

/** How many times the estimated error a divergence must be, for the cheap identity to be trusted. */
export const GUARD_FACTOR = 1000;
/** Unit round-off of float32. */
const ROUND_OFF = 2 ** -24;
/** Error of the expectation's terms, in round-offs of their size: 4 is the worst measured, at 50257 tokens. */
const EXPECTATION_ERROR = 8 * ROUND_OFF;
/** Error of a difference summed over the vocabulary, likewise: 17 is the worst measured, at 50257 tokens. */
const DIFFERENCE_ERROR = 32 * ROUND_OFF;

/** What the identity needs of p: e = W_Uᵀp [d], c = b_U·p, and H(p) in nats. */
export interface Expectation {
  readonly e: Float32Array;
  readonly c: number;
  readonly entropyNats: number;
}

export interface GuardedDivergence {
  /** KL(p‖q) in nats; may be slightly negative where it is not trusted. */
  readonly nats: number;
  /** False: the value is so near the identity's own error that the direct sum must be taken. */
  readonly trusted: boolean;
}

/**
 * KL(p‖q) in nats from p's expectation and q's hidden vector h [d] and log-sum-exp. Since z_q = W_U h + b_U,
 * Σ p z_q = e·h + c. Summed in float64; the terms themselves are float32 and cancel: the absolute error is about
 * 2⁻²¹ · (|H| + |e·h + c| + |lse|) at most, so a value below GUARD_FACTOR times that is not trusted (relative error 1e-3).
 */
export function divergenceByExpectation(p: Expectation, hidden: Float32Array, logSumExp: number): GuardedDivergence {
  const { e } = p;
  let expected = p.c;
  for (let i = 0; i < e.length; i++) expected += (e[i] as number) * (hidden[i] as number);
  const nats = -p.entropyNats - expected + logSumExp;
  const error = EXPECTATION_ERROR * (Math.abs(p.entropyNats) + Math.abs(expected) + Math.abs(logSumExp));
  return { nats, trusted: nats >= GUARD_FACTOR * error };
}

/**
 * KL(p‖q) in nats = Σ p (z_p − z_q) + lse_q − lse_p. `difference`: the sum, float32 over the vocabulary; both
 * log-sum-exps are a float32 peak and the logarithm of its probability. Near distributions have small differences,
 * so the error stays below 2⁻¹⁹ · (1 + |difference|); trusted from GUARD_FACTOR times that.
 */
export function divergenceByDifference(difference: number, logSumExpChange: number): GuardedDivergence {
  const nats = difference + logSumExpChange;
  return { nats, trusted: nats >= GUARD_FACTOR * DIFFERENCE_ERROR * (1 + Math.abs(difference)) };
}

/** KL(p‖q) = Σ p (ln p − ln q) in nats, from logits [V] of both; everything in float64. */
export function divergenceDirect(logitsP: ArrayLike<number>, logitsQ: ArrayLike<number>): number {
  const lseP = logSumExp(logitsP);
  const lseQ = logSumExp(logitsQ);
  let sum = 0;
  for (let v = 0; v < logitsP.length; v++) {
    const lnP = (logitsP[v] as number) - lseP;
    sum += Math.exp(lnP) * (lnP - ((logitsQ[v] as number) - lseQ));
  }
  return sum;
}

/** ln Σ eˣ, shifted by the largest x. */
export function logSumExp(values: ArrayLike<number>): number {
  let peak = -Infinity;
  for (let i = 0; i < values.length; i++) peak = Math.max(peak, values[i] as number);
  if (!Number.isFinite(peak)) return peak;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp((values[i] as number) - peak);
  return peak + Math.log(sum);
}
